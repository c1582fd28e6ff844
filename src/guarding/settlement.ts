import { isSameColumnValue } from "../tracking/entity-changes";
import type { Guard } from "./guard";
import type { GuardedRow, RowObject } from "./guarded-row";
import { rowKey } from "./row-identity";
import type { SaveScope } from "./save-scope";

/** After a save: gives its entities the tokens their rows have now, and makes what was written their original. */
export function settleWrites(guard: Guard, scope: SaveScope): void {
  for (const { description, entity } of scope.unsaved) {
    const key = rowKey(description.metadata, entity);
    const row = key === undefined ? undefined : scope.rows.get(key);
    row?.objects.push({
      entity,
      role: "written",
      original: undefined,
      isRemoved: false,
      expectation: new Map(),
      missing: [],
    });
  }
  for (const row of scope.rows.values()) {
    if (row.isRemoved) for (const { entity } of row.objects) guard.tracker.remove(entity);
    else for (const object of row.objects) settleObject(guard, row, object);
    if (row.written !== undefined && row.tokensAfter !== undefined) {
      scope.parent?.findRow(row.key)?.advance(row.written, row.tokensAfter);
    }
  }
}

function settleObject(guard: Guard, row: GuardedRow, { entity, original }: RowObject): void {
  const { written, tokensAfter, description } = row;
  if (written === undefined || tokensAfter === undefined) return;
  const { driver } = guard.dataSource;
  for (const [token, value] of tokensAfter) {
    const current: unknown = token.getEntityValue(entity);
    // A token that is no version is the application's own column: it gets the form that the row gave to what was
    // written, unless its owner has edited it again meanwhile.
    const isOurs =
      token === description.rowVersion ||
      current === undefined ||
      token.isUpdateDate ||
      token.isDeleteDate ||
      (written.has(token) && isSameColumnValue(driver, token, current, written.valueOf(token)));
    if (isOurs) token.setEntityValue(entity, value);
  }
  guard.tracker.restore(entity, written.rebase(original, entity, tokensAfter));
}
