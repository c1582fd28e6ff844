import type { EntityManager, EntityTarget, ObjectLiteral, QueryRunner } from "typeorm";
import type { ConflictOperation } from "../errors/conflict";
import type { OptimisticLockError } from "../errors/optimistic-lock-error";
import { UncheckedWriteError } from "../errors/unchecked-write-error";
import type { EntityDescription } from "../metadata/entity-description";
import { conflictOf } from "./conflict-report";
import type { Expectation } from "./expectation";
import type { Guard } from "./guard";
import { guardOfManager } from "./guard-of";
import { GuardedRow } from "./guarded-row";
import { refusal } from "./refusal";
import { keyMap, rowKey } from "../metadata/row-identity";
import { readTokens } from "./token-reader";
import { decodeVersion } from "./version-token";

/** A row that a caller names by its key, with the version that the caller expects it to have. */
export interface ExpectedRow {
  readonly guard: Guard;
  readonly row: GuardedRow;
  readonly expectation: Expectation;
}

/** @throws UncheckedWriteError for an entity that is not guarded or an incomplete key; InvalidVersionError. */
export function expectedRow(
  manager: EntityManager,
  target: EntityTarget<ObjectLiteral>,
  id: unknown,
  token: unknown,
): ExpectedRow {
  const guard = guardOfManager(manager);
  const metadata = guard.dataSource.getMetadata(target);
  const description = guardedDescription(guard, metadata.target);
  const idMap = id === undefined || id === null ? undefined : keyMap(metadata, id);
  const key = idMap && rowKey(metadata, idMap);
  if (idMap === undefined || key === undefined) {
    throw new UncheckedWriteError(
      metadata.name,
      `cannot be written without a complete key: ${metadata.primaryColumns.map(({ propertyPath }) => propertyPath).join(" and ")}.`,
    );
  }
  const row = new GuardedRow(key, description, idMap);
  const expectation = decodeVersion(guard, description, key, token);
  row.objects.push({
    entity: idMap,
    role: "written",
    isGiven: true,
    original: undefined,
    isRemoved: false,
    expectation,
    expectedBy: "caller",
    missing: [],
    members: new Map(),
  });
  return { guard, row, expectation };
}

export function guardedDescription(guard: Guard, target: EntityTarget<ObjectLiteral>): EntityDescription {
  const metadata = guard.dataSource.getMetadata(target);
  const description = guard.describe(metadata);
  if (description !== undefined && description.tokens.length > 0) return description;
  throw new UncheckedWriteError(
    metadata.name,
    `has no row version and no concurrency token, so there is nothing that could be expected of its rows.`,
  );
}

/** The description of an entity's class, or of what it was loaded as. */
export function descriptionOfEntity(guard: Guard, entity: ObjectLiteral): EntityDescription {
  const loadedAs = guard.tracker.originalOf(entity)?.shape.metadata;
  const metadata =
    loadedAs ?? guard.dataSource.getMetadata(entity.constructor).findInheritanceMetadata(entity);
  return guardedDescription(guard, metadata.target);
}

/** The error of a statement that did not find its row as expected; says what the row holds now. */
export async function refusalOf(
  guard: Guard,
  queryRunner: QueryRunner,
  row: GuardedRow,
  operation: ConflictOperation,
  entity?: ObjectLiteral,
): Promise<OptimisticLockError> {
  const actual = await readTokens(guard, queryRunner, row.description, [row.id]);
  const { expectation, expectedBy } = row.subject;
  return refusal(guard, [
    conflictOf(row.description, row.id, {
      operation,
      expectedBy,
      expected: expectation,
      actual: actual.get(row.key),
      entity,
    }),
  ]);
}
