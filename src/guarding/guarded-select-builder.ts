import type { FindManyOptions, ObjectLiteral, SelectQueryBuilder } from "typeorm";
import { visitLoaded } from "../tracking/loaded-entities";
import type { BuilderClass } from "./builder-class";
import { setTargets } from "./builder-targets";
import { isRowLoadOfSave, replaceRowsByOriginals } from "./row-load";
import type { Guard } from "./guard";
import { isUntracked, withoutTracking } from "./untracked-reads";

/** A SELECT of entities notes what each guarded one looked like. */
export function guardedSelectBuilder(
  guard: Guard,
  stock: BuilderClass<SelectQueryBuilder<ObjectLiteral>>,
): BuilderClass<SelectQueryBuilder<ObjectLiteral>> {
  const rowLoads = new WeakSet<object>();
  return class extends stock {
    override setFindOptions(options: FindManyOptions<ObjectLiteral>): this {
      if (isRowLoadOfSave(guard, options)) rowLoads.add(withoutTracking(this));
      return super.setFindOptions(options);
    }

    override whereInIds(ids: unknown): this {
      if (rowLoads.has(this)) setTargets(this, ids);
      return super.whereInIds(ids);
    }

    override async getRawAndEntities<T = unknown>(): Promise<{ entities: ObjectLiteral[]; raw: T[] }> {
      const results = await super.getRawAndEntities<T>();
      if (rowLoads.has(this)) replaceRowsByOriginals(guard, this, results.entities);
      else noteLoaded(guard, this, results.entities);
      return results;
    }

    override async getManyAndCount(): Promise<[ObjectLiteral[], number]> {
      const results = await super.getManyAndCount();
      noteLoaded(guard, this, results[0]);
      return results;
    }
  };
}

function noteLoaded(
  guard: Guard,
  builder: SelectQueryBuilder<ObjectLiteral>,
  entities: readonly ObjectLiteral[],
): void {
  const { mainAlias, joinAttributes } = builder.expressionMap;
  if (!guard.isActive || !mainAlias?.hasMetadata || isUntracked(builder)) return;
  const mapped = joinAttributes.flatMap(({ mapToPropertyPropertyName: property, metadata }) =>
    property === undefined || metadata === undefined ? [] : { property, metadata },
  );
  visitLoaded(mainAlias.metadata, entities, joinAttributes.length > 0, mapped, (metadata, entity) => {
    if (guard.describe(metadata) !== undefined) guard.tracker.track(metadata, entity);
  });
}
