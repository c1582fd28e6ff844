import type { GraphEntity } from "./entity-graph";
import { expectationOf } from "./expectation";
import type { Guard } from "./guard";
import { GuardedRow } from "./guarded-row";
import { rowKey } from "./row-identity";
import type { SaveScope } from "./save-scope";

/** Puts every guarded entity of a save into its scope, with what the save expects of its row. */
export function enlistRows(guard: Guard, scope: SaveScope, entities: readonly GraphEntity[]): void {
  for (const { metadata, entity, id, role } of entities) {
    const description = guard.describe(metadata);
    if (description === undefined) continue;
    const key = id === undefined ? undefined : rowKey(metadata, id);
    if (key === undefined || id === undefined) {
      scope.unsaved.push({ description, entity });
      continue;
    }
    const row = scope.rows.get(key) ?? new GuardedRow(key, description, id);
    const original = guard.tracker.originalOf(entity);
    row.objects.push({ entity, role, original, ...expectationOf(description, original, entity) });
    scope.rows.set(key, row);
  }
}
