import type { FindManyOptions, ObjectLiteral, QueryRunner, SelectQueryBuilder } from "typeorm";
import type { BuilderClass } from "./builder-class";
import { setTargets } from "./builder-targets";
import type { Guard } from "./guard";
import { knownRows } from "./known-rows";
import { isRowLoadOfSave, replaceRowsByOriginals } from "./row-load";
import { trackLoaded } from "./track-loaded";
import { withoutTracking } from "./untracked-reads";

interface Results {
  entities: ObjectLiteral[];
  raw: ObjectLiteral[];
}

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

    // Whatever reads entities ends here: getMany, getOne, getRawAndEntities, getManyAndCount.
    protected override async executeEntitiesAndRawResults(queryRunner: QueryRunner): Promise<Results> {
      const known = rowLoads.has(this) ? knownRows(guard, this) : undefined;
      if (known !== undefined) return { entities: known, raw: [] };
      const results: Results = await super.executeEntitiesAndRawResults(queryRunner);
      if (rowLoads.has(this)) replaceRowsByOriginals(guard, this, results.entities);
      else trackLoaded(guard, this, results);
      return results;
    }
  };
}
