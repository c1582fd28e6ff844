import type { InsertQueryBuilder, InsertResult, ObjectLiteral } from "typeorm";
import type { BuilderClass } from "./builder-class";
import type { Guard } from "./guard";
import { executeInsert } from "./insert-write";
import { returningBesides } from "./returning";
import { upsertRaisingVersion } from "./upsert-version";

/** An INSERT that is part of a save reports the rows it made; the update branch of an upsert raises the version. */
export function guardedInsertBuilder(
  guard: Guard,
  stock: BuilderClass<InsertQueryBuilder<ObjectLiteral>>,
): BuilderClass<InsertQueryBuilder<ObjectLiteral>> {
  return class extends stock {
    protected override createInsertExpression(): string {
      return upsertRaisingVersion(guard, this, () => super.createInsertExpression());
    }

    protected override createReturningExpression(type: "insert"): string {
      return returningBesides(this, super.createReturningExpression(type));
    }

    override async execute(): Promise<InsertResult> {
      return executeInsert(guard, this, this.getValueSets(), () => super.execute());
    }
  };
}
