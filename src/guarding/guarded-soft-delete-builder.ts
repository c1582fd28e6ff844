import type { ObjectLiteral, UpdateResult } from "typeorm";
import type { BuilderClass, SoftDeleteBuilder } from "./builder-class";
import { setTargets } from "./builder-targets";
import type { Guard } from "./guard";
import { returningBesides } from "./returning";
import { executeRowWrite } from "./row-write";
import { raiseVersion } from "./version-in-statement";

/** Soft-delete and restore raise the version, and carry the expectation of the softRemove or recover they are part of. */
export function guardedSoftDeleteBuilder(
  guard: Guard,
  stock: BuilderClass<SoftDeleteBuilder>,
): BuilderClass<SoftDeleteBuilder> {
  return class extends stock {
    override where(...criteria: Parameters<SoftDeleteBuilder["where"]>): this {
      setTargets(this, criteria[0]);
      return super.where(...criteria);
    }

    override whereEntity(entity: ObjectLiteral | ObjectLiteral[]): this {
      const builder = super.whereEntity(entity);
      setTargets(this, entity);
      return builder;
    }

    protected override createUpdateExpression(): string {
      return raiseVersion(guard, this, super.createUpdateExpression(), (value) =>
        this.createParameter(value),
      );
    }

    protected override createReturningExpression(type: "update"): string {
      return returningBesides(this, super.createReturningExpression(type));
    }

    override async execute(): Promise<UpdateResult> {
      return executeRowWrite(guard, this, undefined, () => super.execute());
    }
  };
}
