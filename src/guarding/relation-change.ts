import type { ObjectLiteral, QueryRunner, RelationQueryBuilder } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";
import type { EntityDescription } from "../metadata/entity-description";
import { rootDescription } from "./aggregate-roots";
import { refusalOf } from "./expected-row";
import { currentRelatedId, membersOf, originalRelatedId } from "../tracking/original";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { refuseLockedRow } from "./locked-rows";
import { runAtomically } from "./primary";
import { queryRunnerOf } from "./query-runner-of";
import { rowOfEntity } from "./row-enlistment";
import { raiseRow } from "./row-touch";
import { settleRaisedRow } from "./settlement";
import { TokenMemory } from "./token-memory";

/**
 * Changes a relation by its query builder. Where that is a change of an aggregate, its root is checked, as far as it was
 * given as a loaded entity, and raised in the same transaction.
 */
export async function changeRelation(
  guard: Guard,
  builder: RelationQueryBuilder<ObjectLiteral>,
  value: unknown,
  change: () => Promise<void>,
): Promise<void> {
  const roots = guard.isActive && guard.hasVersionedRelations ? rootsOf(guard, builder, value) : [];
  if (roots.length === 0) return change();
  const before = queryRunnerOf(builder);
  await runAtomically(guard, before, async (queryRunner) => {
    for (const root of roots) await raiseRoot(guard, queryRunner, root);
    builder.setQueryRunner(queryRunner);
    try {
      await change();
    } finally {
      builder.setQueryRunner(before as QueryRunner);
    }
  });
}

async function raiseRoot(guard: Guard, queryRunner: QueryRunner, root: GuardedRow): Promise<void> {
  const { description, subject } = root;
  await refuseLockedRow(guard, "a change of a relation", root, queryRunner);
  const memory = new TokenMemory(guard, [{ metadata: description.metadata, entity: subject.entity }]);
  const tokens = await raiseRow(guard, queryRunner, root);
  if (tokens === undefined && subject.expectation.size > 0) {
    throw await refusalOf(guard, queryRunner, root, "touch", subject.entity);
  }
  if (tokens === undefined || subject.original === undefined) return;
  settleRaisedRow(guard, root, tokens);
  guard.journal.record(queryRunner, () => memory.restore());
}

function rootsOf(guard: Guard, builder: RelationQueryBuilder<ObjectLiteral>, value: unknown): GuardedRow[] {
  const { expressionMap } = builder;
  const relation = expressionMap.relationMetadata;
  const of: unknown[] = [expressionMap.of].flat();
  const own = guard.describe(relation.entityMetadata);
  const isOwnVersioned = own?.versionedRelations.some(
    ({ propertyPath }) => propertyPath === relation.propertyPath,
  );
  const roots = isOwnVersioned
    ? of.flatMap((root) => rowOf(guard, own as EntityDescription, root) ?? [])
    : [];
  const all = [...roots, ...rootsOfMembers(guard, relation, of, value)];
  // A root that is known both as an object and by its key is checked by what the object was loaded with.
  const byKey = all.filter(({ isTracked }) => !isTracked);
  const loaded = all.filter(({ isTracked }) => isTracked);
  return [...new Map([...byKey, ...loaded].map((row) => [row.key, row])).values()];
}

// Seen from the member: the root it is given to, and those it was loaded with.
function rootsOfMembers(
  guard: Guard,
  relation: RelationMetadata,
  of: readonly unknown[],
  value: unknown,
): GuardedRow[] {
  const description = rootDescription(guard, relation);
  if (description === undefined) return [];
  const left = of.flatMap((member) => {
    if (!isObject(member)) return [];
    const original = guard.tracker.originalOf(member);
    return [
      ...guard.memberRoots.of(member),
      ...(membersOf(relation, member) ?? []),
      currentRelatedId(relation, member),
      ...(original === undefined ? [] : [originalRelatedId(original, relation)]),
    ];
  });
  return [...[value].flat(), ...left].flatMap((root) => rowOf(guard, description, root) ?? []);
}

function rowOf(guard: Guard, description: EntityDescription, root: unknown): GuardedRow | undefined {
  if (root === undefined || root === null) return undefined;
  const { metadata } = description;
  const entity = isObject(root) ? root : metadata.ensureEntityIdMap(root);
  return rowOfEntity(guard, guard.describe(metadata.findInheritanceMetadata(entity)) ?? description, entity);
}

function isObject(value: unknown): value is ObjectLiteral {
  return typeof value === "object" && value !== null;
}
