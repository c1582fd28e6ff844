import { isSameColumnValue } from "../tracking/entity-changes";
import { RowValues } from "../tracking/row-values";
import type { Expectation } from "./expectation";
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
    else if (row.tokensAfter !== undefined) {
      const writer = row.writer(guard.dataSource.driver);
      if (writer !== undefined) settleObject(guard, row, writer, row.tokensAfter);
      scope.parent?.findRow(row.key)?.advance(row.tokensAfter);
    }
  }
}

function settleObject(
  guard: Guard,
  row: GuardedRow,
  { entity, original }: RowObject,
  tokens: Expectation,
): void {
  const { id, description, generated } = row;
  const { driver } = guard.dataSource;
  const written = row.written ?? RowValues.none(description.metadata);
  for (const [token, value] of tokens) {
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
  guard.tracker.restore(entity, written.rebase({ original, entity, id, tokens, generated }));
}
