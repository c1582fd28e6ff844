import type { QueryRunner } from "typeorm";
import { changedRoots } from "./aggregate-roots";
import type { Guard } from "./guard";
import { refuseLockedRoots } from "./locked-rows";
import { decideOnMissingToken } from "./missing-token";
import { raiseRow } from "./row-touch";
import type { SaveScope } from "./save-scope";

/**
 * Raises the aggregate roots whose members a save changes, before it writes anything else: whoever else changes one of
 * them waits here, and is refused before a statement of his can undo anybody's work.
 */
export async function raiseRoots(guard: Guard, scope: SaveScope, queryRunner: QueryRunner): Promise<void> {
  const roots = changedRoots(scope);
  for (const root of roots) scope.raisedRoots.add(root);
  await refuseLockedRoots(guard, scope, roots, queryRunner);
  for (const root of roots) {
    // Of a root that was only named by its key there is nothing to check.
    if (root.isTracked || root.isSubject) decideOnMissingToken(guard, root, scope.callSite);
    const isChecked = root.expectationsFor().some((expected) => expected.size > 0);
    const tokens = await raiseRow(guard, queryRunner, root);
    if (tokens === undefined && isChecked) scope.refuse([root]);
    if (tokens === undefined) continue;
    root.advance(tokens);
    root.isRaised = true;
  }
}
