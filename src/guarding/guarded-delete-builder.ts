import type { DeleteQueryBuilder, DeleteResult, ObjectLiteral } from "typeorm";
import type { BuilderClass } from "./builder-class";
import { setTargets } from "./builder-targets";
import type { Guard } from "./guard";
import { executeRowsDelete } from "./rows-delete";

/** A DELETE that is part of a remove carries the expectation of each of its rows. */
export function guardedDeleteBuilder(
  guard: Guard,
  stock: BuilderClass<DeleteQueryBuilder<ObjectLiteral>>,
): BuilderClass<DeleteQueryBuilder<ObjectLiteral>> {
  return class extends stock {
    override where(...criteria: Parameters<DeleteQueryBuilder<ObjectLiteral>["where"]>): this {
      // TypeORM's persistence gives a list, of one row too.
      setTargets(this, Array.isArray(criteria[0]) ? criteria[0] : undefined);
      return super.where(...criteria);
    }

    override async execute(): Promise<DeleteResult> {
      return executeRowsDelete(guard, this, () => super.execute());
    }
  };
}
