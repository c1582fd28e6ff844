import type { ObjectLiteral, UpdateQueryBuilder, UpdateResult } from "typeorm";
import type { BuilderClass } from "./builder-class";
import { keyMaps, metadataOf, setTargets } from "./builder-targets";
import type { Guard } from "./guard";
import { returningBesides } from "./returning";
import { executeRowWrite } from "./row-write";
import { raiseVersion, withoutVersion } from "./version-in-statement";

/**
 * An UPDATE of a guarded entity always raises the version by itself, whatever the caller put into SET, and carries
 * the expectation of the save it is part of.
 */
export function guardedUpdateBuilder(
  guard: Guard,
  stock: BuilderClass<UpdateQueryBuilder<ObjectLiteral>>,
): BuilderClass<UpdateQueryBuilder<ObjectLiteral>> {
  return class extends stock {
    override where(...criteria: Parameters<UpdateQueryBuilder<ObjectLiteral>["where"]>): this {
      setTargets(this, criteria[0]);
      return super.where(...criteria);
    }

    override whereInIds(ids: unknown): this {
      const builder = super.whereInIds(ids);
      setTargets(this, keyMaps(metadataOf(this), ids));
      return builder;
    }

    override whereEntity(entity: ObjectLiteral | ObjectLiteral[]): this {
      const builder = super.whereEntity(entity);
      setTargets(this, entity);
      return builder;
    }

    protected override getValueSet(): ObjectLiteral {
      return withoutVersion(guard, this, super.getValueSet());
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
      return executeRowWrite(guard, this, this.getValueSet(), () => super.execute());
    }
  };
}
