import type { ObjectLiteral, SelectQueryBuilder } from "typeorm";
import type { EntityDescription } from "../metadata/entity-description";
import { visitLoaded } from "../tracking/loaded-entities";
import { membersOf } from "../tracking/original";
import type { Guard } from "./guard";
import { HiddenValuesReader } from "./hidden-values";
import { currentUnit } from "./unit-flow";
import { isUntracked } from "./untracked-reads";

/** Takes the originals of the guarded entities that a SELECT has loaded, and notes the members of their collections. */
export function trackLoaded(
  guard: Guard,
  builder: SelectQueryBuilder<ObjectLiteral>,
  { entities, raw }: { readonly entities: ObjectLiteral[]; readonly raw: ObjectLiteral[] },
): void {
  const { mainAlias, joinAttributes } = builder.expressionMap;
  if (!guard.isActive || !mainAlias?.hasMetadata || isUntracked(builder)) return;
  const mapped = joinAttributes.flatMap(({ mapToPropertyPropertyName: property, metadata }) =>
    property === undefined || metadata === undefined ? [] : { property, metadata },
  );
  const hidden = new HiddenValuesReader(guard, builder, raw);
  const unit = currentUnit(guard);
  visitLoaded(mainAlias.metadata, entities, joinAttributes.length > 0, mapped, (metadata, entity) => {
    const description = guard.describe(metadata);
    if (description === undefined) return;
    guard.tracker.track(description.shape, entity, hidden.valuesOf(description, entity));
    unit?.loaded.add(entity);
    if (description.versionedRelations.length > 0) noteMembers(guard, description, entity);
  });
}

function noteMembers(guard: Guard, { versionedRelations }: EntityDescription, entity: ObjectLiteral): void {
  for (const relation of versionedRelations) {
    const members = membersOf(relation, entity);
    if (members !== undefined) guard.memberRoots.note(entity, relation, members);
  }
}
