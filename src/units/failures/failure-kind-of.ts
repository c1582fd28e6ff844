import type { DriverType } from "./driver-type";
import { failedQueryOf, isObject, isReleasedQueryRunner, type DriverError } from "./driver-error";
import type { DriverFailures, FailureKind } from "./driver-failures";
import { failuresOf } from "./failures-of";

/**
 * Why a unit of work that ended with `error` is worth running again; `undefined` when it is not: the error is not the
 * database's, or running again would only repeat it.
 */
export function failureKindOf(driverType: DriverType, error: unknown): FailureKind | undefined {
  if (isReleasedQueryRunner(error)) return "connection-lost";
  const failures = failuresOf(driverType);
  const failed = failedQueryOf(error);
  return failures && failed && kindOf(failures, failed.driverError);
}

/**
 * Whether an error thrown while a connection was acquired, before any statement, will pass. Such errors come from the driver
 * as they are, so this must not be asked of an error that the application's own code may have thrown.
 */
export function connectFailureKindOf(driverType: DriverType, error: unknown): "connection-lost" | undefined {
  const failures = failuresOf(driverType);
  const driverError = failedQueryOf(error)?.driverError ?? error;
  if (!failures || !isObject(driverError)) return undefined;
  const isPassing =
    kindOf(failures, driverError) === "connection-lost" ||
    failures.codesOf(driverError).some((code) => failures.connecting.includes(code));
  return isPassing ? "connection-lost" : undefined;
}

function kindOf({ codesOf, kinds }: DriverFailures, error: DriverError): FailureKind | undefined {
  const code = codesOf(error).find((candidate) => Object.hasOwn(kinds, candidate));
  return code === undefined ? undefined : kinds[code];
}
