import type { DataSource, EntityManager, EntityMetadata, EntityTarget, ObjectLiteral } from "typeorm";
import { describeEntity } from "../metadata/entity-description";
import type { EntityConcurrency } from "../metadata/entity-concurrency";
import type { Column } from "../metadata/column";
import type { RelationMetadata } from "../metadata/relation";
import { dataSourceOf } from "../metadata/data-source-of";
import type { Dependents } from "./dependents";
import type { LockReference, LockResource } from "./lock-resource";
import { metadataRow } from "./resolve-resource";

export interface RelationDependentsOptions {
  /** The declarations that the DataSource was guarded with, as in `GuardOptions`; for versioned relations without decorators. */
  readonly entities?: ReadonlyMap<EntityTarget<ObjectLiteral>, EntityConcurrency>;
}

const idsInQuery = 500;

/**
 * Dependents as TypeORM's relations have them: what a save or remove cascades to, what the database deletes by ON DELETE
 * CASCADE, the members of a `@VersionedRelation()`, and the aggregate roots that a change of a member raises. One query for
 * each such relation and 500 entities.
 */
export function relationDependents({ entities = new Map() }: RelationDependentsOptions = {}): Dependents {
  return async (resources, manager) => {
    const dependents: LockReference[] = [];
    for (const [metadata, ids] of byEntity(manager, resources)) {
      for (const step of stepsFrom(dataSourceOf(manager), metadata, entities)) {
        for (let start = 0; start < ids.length; start += idsInQuery) {
          // One by one: spread into a call, more than a hundred thousand overflow the stack.
          for (const found of await follow(manager, step, ids.slice(start, start + idsInQuery)))
            dependents.push(found);
        }
      }
    }
    return dependents;
  };
}

/** A relation that is followed, from its entity to what it holds, or the other way. */
interface Step {
  readonly relation: RelationMetadata;
  readonly towards: "members" | "roots";
}

function byEntity(
  manager: EntityManager,
  resources: readonly LockResource[],
): Map<EntityMetadata, ObjectLiteral[]> {
  const groups = new Map<EntityMetadata, ObjectLiteral[]>();
  for (const resource of resources) {
    const { id, metadata } = metadataRow(dataSourceOf(manager), resource);
    const ids = groups.get(metadata) ?? [];
    groups.set(metadata, ids);
    ids.push(id);
  }
  return groups;
}

function stepsFrom(
  dataSource: DataSource,
  metadata: EntityMetadata,
  declared: ReadonlyMap<EntityTarget<ObjectLiteral>, EntityConcurrency>,
): Step[] {
  const versioned = dataSource.entityMetadatas.flatMap((each) =>
    versionedRelationsOf(dataSource, each, declared),
  );
  const isVersioned = (relation: RelationMetadata): boolean =>
    versioned.some(
      ({ entityMetadata, propertyPath }) =>
        entityMetadata === metadata && propertyPath === relation.propertyPath,
    );
  const members = metadata.relations.filter((relation) => cascades(relation) || isVersioned(relation));
  const roots = versioned.filter(({ inverseEntityMetadata }) => isSameTable(inverseEntityMetadata, metadata));
  return [
    ...members.map((relation): Step => ({ relation, towards: "members" })),
    ...roots.map((relation): Step => ({ relation, towards: "roots" })),
  ];
}

function versionedRelationsOf(
  dataSource: DataSource,
  metadata: EntityMetadata,
  declared: ReadonlyMap<EntityTarget<ObjectLiteral>, EntityConcurrency>,
): readonly RelationMetadata[] {
  if (metadata.tableType === "view" || metadata.isJunction) return [];
  const own = [...declared].flatMap(([target, its]) =>
    dataSource.hasMetadata(target) && dataSource.getMetadata(target) === metadata ? its : [],
  );
  return describeEntity(metadata, { versionColumns: true, declared: own })?.versionedRelations ?? [];
}

function cascades(relation: RelationMetadata): boolean {
  return (
    relation.isCascadeInsert ||
    relation.isCascadeUpdate ||
    relation.isCascadeRemove ||
    relation.isCascadeSoftRemove ||
    relation.isCascadeRecover ||
    (!relation.isOwning && relation.inverseRelation?.onDelete === "CASCADE")
  );
}

function isSameTable(left: EntityMetadata, right: EntityMetadata): boolean {
  return left.tablePath === right.tablePath;
}

async function follow(
  manager: EntityManager,
  { relation, towards }: Step,
  ids: readonly ObjectLiteral[],
): Promise<LockReference[]> {
  const { entityMetadata: owner, inverseEntityMetadata: member } = relation;
  const from = towards === "members" ? "owner" : "member";
  const to = towards === "members" ? "member" : "owner";
  const [wanted, given] = towards === "members" ? [member, owner] : [owner, member];
  const builder = manager
    .createQueryBuilder(owner.target, "owner")
    .withDeleted()
    .innerJoin(`owner.${relation.propertyPath}`, "member")
    .select([])
    .distinct();
  wanted.primaryColumns.forEach((column, index) =>
    builder.addSelect(`${builder.escape(to)}.${builder.escape(column.databaseName)}`, `key_${index}`),
  );
  const columnOf = ({ databaseName }: Column): string =>
    `${builder.escape(from)}.${builder.escape(databaseName)}`;
  const [single, ...others] = given.primaryColumns;
  if (single !== undefined && others.length === 0) {
    const values = ids.map((id): unknown => single.getEntityValue(id, true));
    builder.where(`${columnOf(single)} IN (:...ids)`, { ids: values });
  } else {
    ids.forEach((id, row) => {
      const conditions = given.primaryColumns.map((column, part) => {
        builder.setParameter(`id_${row}_${part}`, column.getEntityValue(id, true));
        return `${columnOf(column)} = :id_${row}_${part}`;
      });
      builder.orWhere(`(${conditions.join(" AND ")})`);
    });
  }
  const rows = await builder.getRawMany<Record<string, unknown>>();
  return rows.map((row) => ({ target: wanted.target, id: idOf(manager, wanted, row) }));
}

function idOf(
  manager: EntityManager,
  { primaryColumns }: EntityMetadata,
  row: Record<string, unknown>,
): ObjectLiteral {
  const id: ObjectLiteral = {};
  primaryColumns.forEach((column, index) => {
    const value: unknown = dataSourceOf(manager).driver.prepareHydratedValue(row[`key_${index}`], column);
    column.setEntityValue(id, value);
  });
  return id;
}
