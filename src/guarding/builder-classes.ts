import type { QueryRunner } from "typeorm";
import type { BuilderClass } from "./builder-class";
import type { Guard } from "./guard";
import { guardedDeleteBuilder } from "./guarded-delete-builder";
import { guardedInsertBuilder } from "./guarded-insert-builder";
import { guardedRelationBuilder } from "./guarded-relation-builder";
import { guardedSelectBuilder } from "./guarded-select-builder";
import { guardedSoftDeleteBuilder } from "./guarded-soft-delete-builder";
import { guardedUpdateBuilder } from "./guarded-update-builder";
import { watchBuilders } from "./overlap/watch-builders";
import { ambientQueryRunner } from "./unit-flow";

const mixins: Readonly<Record<string, (guard: Guard, stock: never) => BuilderClass<object>>> = {
  SelectQueryBuilder: guardedSelectBuilder,
  UpdateQueryBuilder: guardedUpdateBuilder,
  SoftDeleteQueryBuilder: guardedSoftDeleteBuilder,
  DeleteQueryBuilder: guardedDeleteBuilder,
  InsertQueryBuilder: guardedInsertBuilder,
  RelationQueryBuilder: guardedRelationBuilder,
};

const steps = ["select", "insert", "update", "delete", "softDelete", "restore", "relation"] as const;

const guardedClasses = new WeakSet<object>();

/**
 * Gives a stock builder, in place, the guarded class of its kind, and so to every builder made from it. The stock
 * class is found through the builder, so that it is the DataSource's own, whichever copy or line of TypeORM that is.
 */
export function adoptBuilder<B extends object>(guard: Guard, builder: B): B {
  const stock = builder.constructor as BuilderClass<object>;
  if (!guardedClasses.has(stock)) {
    Object.setPrototypeOf(builder, guardedClassOf(guard, stock, kindOf(builder)).prototype as object);
  }
  return builder;
}

function guardedClassOf(guard: Guard, stock: BuilderClass<object>, kind: string): BuilderClass<object> {
  let guarded = guard.builderClasses.get(stock);
  if (guarded === undefined) {
    const mixin = mixins[kind];
    guarded = withGuardedSteps(
      guard,
      mixin === undefined ? class extends stock {} : mixin(guard, stock as never),
    );
    if (guard.overlaps !== undefined) watchBuilders(guard, guard.overlaps, guarded);
    guardedClasses.add(guarded);
    guard.builderClasses.set(stock, guarded);
  }
  return guarded;
}

function kindOf(builder: object): string {
  const tag = (builder as { "@instanceof"?: symbol })["@instanceof"];
  return (tag && Symbol.keyFor(tag)) ?? "";
}

// `.update()`, `.insert()` and the others return a new stock builder of another kind.
function withGuardedSteps(guard: Guard, builderClass: BuilderClass<object>): BuilderClass<object> {
  const prototype = builderClass.prototype as Record<string, (...parameters: unknown[]) => object>;
  for (const step of steps) {
    const stock = prototype[step];
    Object.defineProperty(prototype, step, {
      configurable: true,
      writable: true,
      value(this: object, ...parameters: unknown[]): object {
        const next = (stock as (...parameters: unknown[]) => object).apply(this, parameters);
        return next === this ? next : adoptBuilder(guard, next);
      },
    });
  }
  const obtain = prototype["obtainQueryRunner"];
  // A builder that was made without a query runner may be executed in a unit of work that began later.
  Object.defineProperty(prototype, "obtainQueryRunner", {
    configurable: true,
    writable: true,
    value(this: { readonly queryRunner?: QueryRunner }): unknown {
      return this.queryRunner ?? ambientQueryRunner(guard) ?? obtain?.call(this);
    },
  });
  return builderClass;
}
