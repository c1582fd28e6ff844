import type { EntityMetadata, ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";
import { isSameId } from "../tracking/entity-changes";
import { isElsewhere } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import {
  originalMemberIds,
  originalRelatedId,
  membersOf,
  currentRelatedId,
  type Original,
} from "../tracking/original";
import { isMemberChanged, hasOtherMembers } from "./aggregate-changes";
import type { GraphEntity } from "./entity-graph";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { enlistObject } from "./row-enlistment";
import { rowKey } from "../metadata/row-identity";
import type { SaveScope } from "./save-scope";

interface RootObject {
  readonly metadata: EntityMetadata;
  readonly entity: ObjectLiteral;
}

/** Whether an entity is an aggregate root or may belong to one. */
export function isInAggregate(guard: Guard, { metadata, entity }: GraphEntity): boolean {
  return (
    guard.hasVersionedRelations &&
    (guard.memberRoots.of(entity).size > 0 ||
      (guard.describe(metadata)?.versionedRelations.length ?? 0) > 0 ||
      metadata.relations.some((relation) => rootDescription(guard, relation) !== undefined))
  );
}

/** The aggregate roots that an entity is known to belong to, as objects. */
export function knownRoots(guard: Guard, node: GraphEntity): ObjectLiteral[] {
  return guard.hasVersionedRelations ? rootObjects(guard, node).map(({ entity }) => entity) : [];
}

/** Puts the aggregate roots that a save may change into its scope, those that are only known by their members too. */
export function enlistRoots(guard: Guard, scope: SaveScope, entities: readonly GraphEntity[]): void {
  const nodes = new Map(entities.map((node) => [node.entity, node]));
  for (const node of entities) {
    if (node.role !== "written" || !isInAggregate(guard, node)) continue;
    if (scope.mode === "save") linkMembers(guard, scope, nodes, node);
    linkRoots(guard, scope, node);
  }
}

/** The roots that have to be raised, in an order that all saves share. */
export function changedRoots({ rootLinks }: SaveScope): GuardedRow[] {
  const raised = new Set<GuardedRow>();
  const pending = new Set(rootLinks);
  for (let before = -1; before < raised.size;) {
    before = raised.size;
    for (const link of pending) {
      if (!link.isChanged(raised)) continue;
      for (const root of link.roots()) if (!root.isAbsent) raised.add(root);
      pending.delete(link);
    }
  }
  return [...raised].sort((left, right) => (left.key < right.key ? -1 : 1));
}

/** After a save: a member that has been given to another root is no concern of the one it was loaded with. */
export function forgetFormerRoots(guard: Guard, { aggregateMembers, joined }: SaveScope): void {
  for (const { entity, metadata } of aggregateMembers) {
    for (const root of guard.memberRoots.of(entity)) {
      const rootId = guard.tracker.originalOf(root)?.shape.metadata.getEntityIdMap(root);
      const isElsewhereNow = metadata.relations.some((relation) => {
        if (isElsewhere(relation) || rootDescription(guard, relation) === undefined) return false;
        const related = currentRelatedId(relation, entity);
        return related !== undefined && !isSameId(related, rootId);
      });
      if (!isElsewhereNow) continue;
      const restore = guard.memberRoots.forget(root, entity);
      if (joined !== undefined) guard.journal.record(joined, restore);
    }
  }
}

/** The description of the root that a member's relation points to, if that is a versioned relation's other side. */
export function rootDescription(guard: Guard, relation: RelationMetadata): EntityDescription | undefined {
  const { inverseEntityMetadata, inverseRelation } = relation;
  if (inverseRelation === undefined) return undefined;
  return [inverseEntityMetadata, ...inverseEntityMetadata.childEntityMetadatas]
    .map((metadata) => guard.describe(metadata))
    .find((description) =>
      description?.versionedRelations.some(
        ({ propertyPath }) => propertyPath === inverseRelation.propertyPath,
      ),
    );
}

// A root that is saved: changed by other members than it was loaded with, and by changes of those it has.
function linkMembers(
  guard: Guard,
  scope: SaveScope,
  nodes: ReadonlyMap<ObjectLiteral, GraphEntity>,
  { entity, id, metadata }: GraphEntity,
): void {
  const key = id === undefined ? undefined : rowKey(metadata, id);
  const root = key === undefined ? undefined : scope.rows.get(key);
  if (root === undefined) return;
  const loaded = guard.tracker.originalOf(entity);
  for (const relation of root.description.versionedRelations) {
    const members = membersOf(relation, entity);
    if (members === undefined) continue;
    const written = members
      .flatMap((member) => nodes.get(member) ?? [])
      .filter(({ role }) => role === "written");
    // A member that is taken over without being written by itself is none of the roots any more that it belonged to, unless
    // roots share their members.
    const taken = members
      .filter((member) => !relation.isManyToMany && nodes.get(member)?.role !== "written")
      .map((member) => nodeOf(relation.inverseEntityMetadata, member));
    const former = taken
      .flatMap((member) => [...guard.memberRoots.of(member.entity)].filter((other) => other !== entity))
      .flatMap((other) => loadedRoot(guard, other))
      .flatMap((other) => enlistRoot(guard, scope, other) ?? []);
    scope.rootLinks.push({
      roots: () => [root, ...former, ...taken.flatMap((member) => rootsByKey(guard, scope, member))],
      isChanged: (raised) =>
        written.some((member) => isMemberChanged(guard, scope, member, raised)) ||
        // Another member of an owning relation is another foreign key, a change of the root's own.
        (isElsewhere(relation) && hasOtherMembers(relation, members, [loaded, scope.found.get(root.key)])),
    });
  }
}

// A member that is written: of the roots it is known to belong to, or to have belonged to.
function linkRoots(guard: Guard, scope: SaveScope, node: GraphEntity): void {
  const objects = rootObjects(guard, node);
  const named = objects.flatMap((root) => enlistRoot(guard, scope, root) ?? []);
  scope.aggregateMembers.push(node);
  linkRootsOfRoots(guard, scope, objects, new Set([node.entity]));
  scope.rootLinks.push({
    // What is removed, soft-removed or recovered together with its root is checked with it.
    roots: () =>
      [...named, ...rootsByKey(guard, scope, node)].filter(
        (root) => scope.mode === "save" || !root.isSubject,
      ),
    isChanged: (raised) =>
      scope.mode !== "save" ||
      isMemberChanged(guard, scope, node, raised) ||
      hasOtherRoots(guard, scope, node),
  });
}

// A many-to-many relation that is versioned on its other side.
function hasOtherRoots(guard: Guard, { found }: SaveScope, { entity, key, metadata }: GraphEntity): boolean {
  return metadata.relations.some((relation) => {
    if (!relation.isManyToMany || rootDescription(guard, relation) === undefined) return false;
    const roots = membersOf(relation, entity);
    const before = [guard.tracker.originalOf(entity), key === undefined ? undefined : found.get(key)];
    return roots !== undefined && hasOtherMembers(relation, roots, before);
  });
}

// A root that is raised is a changed member of a root of its own.
function linkRootsOfRoots(
  guard: Guard,
  scope: SaveScope,
  objects: readonly RootObject[],
  visited: Set<ObjectLiteral>,
): void {
  for (const { entity, metadata } of objects) {
    if (visited.has(entity)) continue;
    visited.add(entity);
    const node = nodeOf(metadata, entity);
    const { key } = node;
    const outer = rootObjects(guard, node);
    const roots = outer.flatMap((root) => enlistRoot(guard, scope, root) ?? []);
    scope.rootLinks.push({
      roots: () => roots,
      isChanged: (raised) => [...raised].some((root) => root.key === key),
    });
    linkRootsOfRoots(guard, scope, outer, visited);
  }
}

function rootObjects(guard: Guard, { entity, metadata }: GraphEntity): RootObject[] {
  const loadedBy = [...guard.memberRoots.of(entity)].flatMap((root) => loadedRoot(guard, root));
  const named = metadata.relations.flatMap((relation) => {
    if (rootDescription(guard, relation) === undefined) return [];
    return (membersOf(relation, entity) ?? []).map((root) => ({
      metadata: relation.inverseEntityMetadata.findInheritanceMetadata(root),
      entity: root,
    }));
  });
  return [...named, ...loadedBy];
}

function nodeOf(metadata: EntityMetadata, entity: ObjectLiteral): GraphEntity {
  const actual = metadata.findInheritanceMetadata(entity);
  const id = actual.getEntityIdMap(entity);
  return { entity, metadata: actual, id, key: id && rowKey(actual, id), role: "member", isRoot: false };
}

function loadedRoot(guard: Guard, entity: ObjectLiteral): RootObject[] {
  const original = guard.tracker.originalOf(entity);
  return original === undefined ? [] : [{ metadata: original.shape.metadata, entity }];
}

function enlistRoot(
  guard: Guard,
  scope: SaveScope,
  { entity, metadata }: RootObject,
): GuardedRow | undefined {
  const description = guard.describe(metadata);
  const id = metadata.getEntityIdMap(entity);
  if (description === undefined || id === undefined) return undefined;
  return enlistObject(guard, scope, description, { entity, id, key: rowKey(metadata, id) }, "root");
}

function rootsByKey(guard: Guard, scope: SaveScope, { entity, key, metadata }: GraphEntity): GuardedRow[] {
  const before = [
    guard.tracker.originalOf(entity),
    key === undefined ? undefined : scope.found.get(key),
  ].filter((original) => original !== undefined);
  return metadata.relations.flatMap((relation) => {
    const description = rootDescription(guard, relation);
    if (description === undefined) return [];
    return relatedKeys(relation, entity, before).flatMap((rootId) => {
      if (rootId === undefined || rootId === null) return [];
      const idMap = description.metadata.ensureEntityIdMap(rootId);
      const root = { entity: idMap, id: idMap, key: rowKey(description.metadata, idMap) };
      const known = root.key === undefined ? undefined : scope.rows.get(root.key);
      return known ?? enlistObject(guard, scope, description, root, "root") ?? [];
    });
  });
}

function relatedKeys(
  relation: RelationMetadata,
  entity: ObjectLiteral,
  before: readonly Original[],
): readonly unknown[] {
  if (isElsewhere(relation)) {
    return before.flatMap((original) => originalMemberIds(original, relation) ?? []);
  }
  return [
    currentRelatedId(relation, entity),
    ...before.map((original) => originalRelatedId(original, relation)),
  ];
}
