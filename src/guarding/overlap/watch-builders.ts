import type { QueryRunner } from "typeorm";
import type { BuilderClass } from "../builder-class";
import type { Guard } from "../guard";
import { ambientQueryRunner } from "../unit-flow";
import type { OverlapDetector } from "./overlap-detector";

/** What executes a query builder. `getOne` and `getMany` end in `getRawAndEntities`, `getRawOne` in `getRawMany`. */
const executions = {
  getRawAndEntities: "a find",
  getManyAndCount: "a find",
  getRawMany: "a query builder",
  getCount: "a count",
  getExists: "an exists",
  execute: "a query builder",
  set: "a relation change",
  add: "a relation change",
  remove: "a relation change",
} as const;

type Method = (...parameters: unknown[]) => Promise<unknown>;

interface Builder {
  readonly queryRunner?: QueryRunner;
  readonly expressionMap: { readonly queryType: string };
}

/** Makes the detector see what builders of a guarded class execute. */
export function watchBuilders(
  guard: Guard,
  overlaps: OverlapDetector,
  builderClass: BuilderClass<object>,
): void {
  const prototype = builderClass.prototype as Record<string, Method | undefined>;
  const isRelation = "addAndRemove" in prototype;
  for (const [method, name] of Object.entries(executions)) {
    const proceed = prototype[method];
    if (proceed === undefined || (name === "a relation change" && !isRelation)) continue;
    const watched = async function (this: Builder, ...parameters: unknown[]): Promise<unknown> {
      if (!guard.isActive) return proceed.apply(this, parameters);
      const queryRunner = this.queryRunner ?? ambientQueryRunner(guard);
      const called = method === "execute" ? `a query builder's ${this.expressionMap.queryType}` : name;
      return overlaps.operate({ name: called, queryRunner, callee: watched }, () =>
        proceed.apply(this, parameters),
      );
    };
    Object.defineProperty(prototype, method, { configurable: true, writable: true, value: watched });
  }
}
