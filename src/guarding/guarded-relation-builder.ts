import type { ObjectLiteral, RelationQueryBuilder } from "typeorm";
import type { BuilderClass } from "./builder-class";
import type { Guard } from "./guard";
import { changeRelation } from "./relation-change";

/** Adding to, removing from or setting a versioned relation checks and raises the aggregate root. */
export function guardedRelationBuilder(
  guard: Guard,
  stock: BuilderClass<RelationQueryBuilder<ObjectLiteral>>,
): BuilderClass<RelationQueryBuilder<ObjectLiteral>> {
  return class extends stock {
    override async set(value: unknown): Promise<void> {
      return changeRelation(guard, this, value, () => super.set(value));
    }

    override async add(value: unknown): Promise<void> {
      return changeRelation(guard, this, value, () => super.add(value));
    }

    override async remove(value: unknown): Promise<void> {
      return changeRelation(guard, this, value, () => super.remove(value));
    }
  };
}
