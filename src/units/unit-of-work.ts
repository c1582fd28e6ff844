import type { DataSource } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { onlyGuardedDataSource } from "../guarding/guard-of";
import { runUnitOfWork } from "./run-unit-of-work";
import { resolveUnitOfWorkOptions, type UnitOfWorkOptions } from "./unit-of-work-options";

/** How a method is made a unit of work. */
export interface UnitOfWorkDecoratorOptions extends UnitOfWorkOptions {
  /**
   * The DataSource, or a function that gives it when the method is called. Default: the `dataSource` property of the
   * object the method belongs to, else the only one that is guarded and initialized.
   */
  readonly dataSource?: DataSource | (() => DataSource);
}

type AsyncMethod = (this: unknown, ...parameters: unknown[]) => Promise<unknown>;

/**
 * Makes an async method a unit of work; see {@link runUnitOfWork}. Each run calls the method with the same arguments.
 * Whatever other decorators have noted at the method stays.
 *
 * @throws GuardConfigurationError for a wrong option, for something that is no method and, from the method, when it
 * cannot be told which DataSource is meant.
 */
export function UnitOfWork({ dataSource, ...options }: UnitOfWorkDecoratorOptions = {}): MethodDecorator {
  resolveUnitOfWorkOptions(options);
  return (_, property, descriptor: PropertyDescriptor | undefined) => {
    const method: unknown = descriptor?.value;
    if (descriptor === undefined || typeof method !== "function") {
      throw new GuardConfigurationError(`@UnitOfWork() is for methods, and ${String(property)} is none.`);
    }
    if (isGenerator(method)) {
      throw new GuardConfigurationError(
        `@UnitOfWork() is for methods that return when they are done, and ${String(property)} is a generator.`,
      );
    }
    const inUnit: AsyncMethod = async function (...parameters) {
      return runUnitOfWork(
        dataSourceFor(this, property, dataSource),
        () => (method as AsyncMethod).apply(this, parameters),
        options,
      );
    };
    Object.defineProperty(inUnit, "name", { value: method.name, configurable: true });
    Object.defineProperty(inUnit, "length", { value: method.length, configurable: true });
    for (const key of Reflect.getOwnMetadataKeys(method)) {
      Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, method), inUnit);
    }
    descriptor.value = inUnit;
  };
}

function dataSourceFor(
  service: unknown,
  property: string | symbol,
  named: UnitOfWorkDecoratorOptions["dataSource"],
): DataSource {
  const own = (service as { readonly dataSource?: unknown } | undefined)?.dataSource;
  const dataSource =
    (typeof named === "function" ? named() : named) ?? (isDataSource(own) ? own : onlyGuardedDataSource());
  if (dataSource !== undefined) return dataSource;
  throw new GuardConfigurationError(
    `@UnitOfWork() on ${String(property)} cannot tell its DataSource: none or several are guarded and initialized, and ` +
      `the object has no "dataSource". Name it: @UnitOfWork({ dataSource: () => dataSource }).`,
  );
}

function isGenerator(method: object): boolean {
  return ["GeneratorFunction", "AsyncGeneratorFunction"].includes(
    (method as { readonly [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? "",
  );
}

function isDataSource(value: unknown): value is DataSource {
  return typeof (value as Partial<DataSource> | undefined)?.createQueryRunner === "function";
}
