import type { ObjectLiteral } from "typeorm";
import { columnValue, isElsewhere, isStamped, setColumnValue } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { hasChanged, isSameColumnValue } from "../tracking/entity-changes";
import { membersOf, withMembers, withValue, type Original } from "../tracking/original";
import { RowValues } from "../tracking/row-values";
import { forgetFormerRoots } from "./aggregate-roots";
import { forgetNamedExpectation } from "./caller-expectations";
import type { Expectation } from "./expectation";
import type { Guard } from "./guard";
import type { GuardedRow, RowObject } from "./guarded-row";
import { rowKey } from "../metadata/row-identity";
import type { SaveScope } from "./save-scope";

/** After a save: gives its entities the tokens their rows have now, and makes what was written their original. */
export function settleWrites(guard: Guard, scope: SaveScope): void {
  for (const { description, entity, members } of scope.unsaved) {
    const key = rowKey(description.metadata, entity);
    const row = key === undefined ? undefined : scope.rows.get(key);
    row?.objects.push({
      entity,
      role: "written",
      isGiven: false,
      original: undefined,
      isRemoved: false,
      expectation: new Map(),
      expectedBy: "load",
      missing: [],
      members,
    });
  }
  for (const row of scope.rows.values()) {
    if (row.isRemoved) for (const { entity } of row.objects) guard.tracker.remove(entity);
    else settleRow(guard, scope, row);
  }
  forgetFormerRoots(guard, scope);
}

function settleRow(guard: Guard, scope: SaveScope, row: GuardedRow): void {
  const { tokensAfter, written } = row;
  if (written !== undefined || tokensAfter !== undefined) {
    // What was only raised has left all objects of the row as they were but for its tokens.
    const writer = row.writer(guard.dataSource.driver);
    const settled =
      row.isRaised && written === undefined ? row.objects.filter(saysMore) : [writer ?? []].flat();
    for (const object of settled) settleObject(guard, row, object, tokensAfter ?? new Map());
    for (const object of row.objects) if (!settled.includes(object)) settleCopy(guard, row, object);
    if (tokensAfter !== undefined) scope.parent?.findRow(row.key)?.advance(tokensAfter);
  }
  if (scope.mode === "save") for (const object of row.objects) settleMembers(guard, scope, row, object);
}

// `{ id: 7 }` names a row and stays what it is.
function saysMore({ expectation, role }: RowObject): boolean {
  return role === "written" || expectation.size > 0;
}

// An unchanged copy of a row that was written through another object, a back-reference for one, gets the new version: its
// next save writes what is changed in it then, and nothing else. Where it would write or compare more, or was given to the
// save by itself, it stays stale.
function settleCopy(guard: Guard, row: GuardedRow, { entity, isGiven, original }: RowObject): void {
  const { compare, rowVersion, updatesAllColumns } = row.description;
  if (original === undefined || rowVersion === undefined || row.tokensAfter?.has(rowVersion) !== true) return;
  const isChanged = hasChanged(guard.dataSource.driver, original, entity, new Set([rowVersion]));
  if (isGiven || isChanged || updatesAllColumns || compare !== undefined) return;
  const version = row.tokensAfter.get(rowVersion);
  setColumnValue(rowVersion, entity, version);
  guard.tracker.restore(entity, withValue(original, rowVersion, version));
}

function settleObject(
  guard: Guard,
  row: GuardedRow,
  { entity, original }: RowObject,
  tokens: Expectation,
): void {
  const { id, description, generated } = row;
  const { driver } = guard.dataSource;
  const written = row.written ?? RowValues.none(description.shape);
  for (const [token, value] of tokens) {
    const current = columnValue(token, entity);
    // A token that is no version is the application's own column: it gets the form that the row gave to what was
    // written, unless its owner has edited it again meanwhile.
    const isOurs =
      token === description.rowVersion ||
      current === undefined ||
      isStamped(token) ||
      (written.has(token) && isSameColumnValue(driver, token, current, written.valueOf(token)));
    if (isOurs) setColumnValue(token, entity, value);
  }
  if (description.compare !== undefined) forgetFilledIn(description, original, written, entity);
  guard.tracker.restore(entity, written.rebase({ original, entity, id, tokens, generated }));
  forgetNamedExpectation(entity);
}

/** After a statement that raised a row's version and changed nothing else. */
export function settleRaisedRow(guard: Guard, row: GuardedRow, tokens: Expectation): void {
  for (const object of row.objects) settleObject(guard, row, object, tokens);
}

// TypeORM puts null into nullable properties that were not loaded. Of a hidden column nobody has read that is no value that
// the row could be compared with.
function forgetFilledIn(
  { shape }: EntityDescription,
  original: Original | undefined,
  written: RowValues,
  entity: ObjectLiteral,
): void {
  shape.columns.forEach((column, index) => {
    const isUnread = !column.isSelect && original?.values[index] === undefined && !written.has(column);
    if (isUnread && columnValue(column, entity) === null) setColumnValue(column, entity, undefined);
  });
}

// The members a collection had when the save began are what its row has now.
function settleMembers(
  guard: Guard,
  { joined }: SaveScope,
  { description }: GuardedRow,
  { entity, members, role }: RowObject,
): void {
  const original = guard.tracker.originalOf(entity);
  if (role !== "written" || original === undefined) return;
  if (members.size > 0) guard.tracker.restore(entity, withMembers(original, members));
  for (const relation of description.versionedRelations) {
    const now = isElsewhere(relation) ? members.get(relation) : membersOf(relation, entity);
    if (now === undefined) continue;
    const restore = guard.memberRoots.note(entity, relation, now);
    if (joined !== undefined) guard.journal.record(joined, restore);
  }
}
