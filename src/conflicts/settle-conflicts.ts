import type { EntityManager, ObjectLiteral, QueryRunner } from "typeorm";
import type { Conflict } from "../errors/conflict";
import { formatRow, formatValue } from "../errors/format-value";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { isOptimisticLockError, type OptimisticLockError } from "../errors/optimistic-lock-error";
import type { EntityDescription } from "../metadata/entity-description";
import type { Guard } from "../guarding/guard";
import { guardOfManager } from "../guarding/guard-of";
import { withQueryRunner } from "../guarding/primary";
import { rowKey } from "../metadata/row-identity";
import { TokenMemory } from "../guarding/token-memory";
import { applyResolution } from "./apply-resolution";
import type { ConflictStrategy } from "./conflict-strategy";
import { rememberFields } from "./field-value";
import { readPresentRows, type PresentRow } from "./present-rows";
import { refusedEntity, type EntityConflict, type RefusedEntity } from "./refused-entity";
import { RelatedEntities } from "./related-entities";

interface Refusals {
  readonly refused: readonly RefusedEntity[];
  /** The query runner in whose open transaction the rows were read. */
  readonly transaction: QueryRunner | undefined;
}

/**
 * Resolves every conflict of an error, or none; see `resolveConflicts`.
 *
 * @returns the objects that stand for no row any more.
 */
export async function settleConflicts<E extends ObjectLiteral>(
  manager: EntityManager,
  error: unknown,
  strategy: ConflictStrategy<E>,
): Promise<ReadonlySet<ObjectLiteral>> {
  if (!isOptimisticLockError(error)) throw error;
  const guard = guardOfManager(manager);
  if (typeof strategy !== "function") {
    throw new GuardConfigurationError(
      `A conflict strategy must be a function, not ${formatValue(strategy)}: clientWins(), storeWins(), mergeChanges() or ` +
        `one of your own.`,
    );
  }
  const conflicts = conflictsByEntity(error);
  const { refused, transaction } = await withQueryRunner(guard, manager.queryRunner, (queryRunner) =>
    readRefusals(guard, queryRunner, error, conflicts),
  );
  const results = await decide(guard, refused, strategy as unknown as ConflictStrategy);
  if (transaction !== undefined) {
    // What the transaction itself has put into these rows is undone with it, and nobody may rely on it then.
    const memory = new TokenMemory(
      guard,
      refused.map(({ description: { metadata }, entity }) => ({ metadata, entity })),
    );
    guard.journal.record(transaction, () => memory.restore());
  }
  refused.forEach((entity, index) => applyResolution(guard, entity, results[index] ?? null));
  return new Set(refused.flatMap(({ entity }, index) => (results[index] === null ? [entity] : [])));
}

// An object may be in several conflicts: of itself and as the root of something.
function conflictsByEntity(error: OptimisticLockError): readonly EntityConflict[] {
  const byEntity = new Map<ObjectLiteral, EntityConflict>();
  for (const conflict of error.conflicts) {
    if (conflict.entity === undefined) throw error;
    if (!byEntity.has(conflict.entity)) byEntity.set(conflict.entity, conflict as EntityConflict);
  }
  return [...byEntity.values()];
}

async function readRefusals(
  guard: Guard,
  queryRunner: QueryRunner,
  error: OptimisticLockError,
  conflicts: readonly EntityConflict[],
): Promise<Refusals> {
  const relatedEntities = new RelatedEntities(queryRunner);
  const descriptions = conflicts.map((conflict) => descriptionOf(guard, conflict));
  const refused: RefusedEntity[] = [];
  const rows = new Map<EntityDescription, Map<string, PresentRow>>();
  for (const description of new Set(descriptions)) {
    const ids = conflicts.filter((_, index) => descriptions[index] === description).map(({ id }) => id);
    rows.set(description, await readPresentRows(guard, queryRunner, description, ids));
  }
  for (const [index, conflict] of conflicts.entries()) {
    const description = descriptions[index] as EntityDescription;
    const row = rows.get(description)?.get(rowKey(description.metadata, conflict.id) ?? "");
    refused.push(await refusedEntity(guard, description, error, conflict, row, relatedEntities));
  }
  return { refused, transaction: queryRunner.isTransactionActive ? queryRunner : undefined };
}

function descriptionOf(guard: Guard, { entityName, target }: Conflict): EntityDescription {
  const metadata = guard.dataSource.hasMetadata(target) ? guard.dataSource.getMetadata(target) : undefined;
  const description = metadata && guard.describe(metadata);
  if (description !== undefined) return description;
  throw new GuardConfigurationError(
    `A conflict of ${entityName} cannot be resolved here: the manager's DataSource does not guard it. Use a manager of the ` +
      `DataSource whose save was refused.`,
  );
}

// All decisions before the first change, so that a strategy that gives up leaves every object as it was.
async function decide(
  guard: Guard,
  refused: readonly RefusedEntity[],
  strategy: ConflictStrategy,
): Promise<(ObjectLiteral | null)[]> {
  const undo = refused.map(({ entity, fields }) => rememberFields(guard.dataSource.driver, fields, entity));
  const results: (ObjectLiteral | null)[] = [];
  try {
    for (const { values } of refused) {
      const result: unknown = await strategy(values);
      refuseUnfit(values.conflict, result, values.database !== null);
      results.push(result as ObjectLiteral | null);
    }
  } catch (error) {
    for (const restore of undo) restore();
    throw error;
  }
  return results;
}

function refuseUnfit({ entityName, id }: Conflict, result: unknown, hasRow: boolean): void {
  if (result === null ? !hasRow : typeof result === "object" && !Array.isArray(result)) return;
  throw new GuardConfigurationError(
    `The conflict strategy has returned ${formatValue(result)} for ${formatRow(entityName, id)}. It must return the entity ` +
      `with the values to be saved: current, database, original, or an object of some properties` +
      `${hasRow ? "" : "; or null to let the entity go, since its row is gone"}.`,
  );
}
