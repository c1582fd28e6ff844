/** What a database driver throws, as far as it says what has happened. */
export interface DriverError {
  readonly code?: unknown;
  readonly errno?: unknown;
  readonly sqlState?: unknown;
  readonly severity?: unknown;
  readonly number?: unknown;
  readonly errorNum?: unknown;
  readonly message?: unknown;
}

/** A statement that the database refused, as TypeORM throws it. */
export interface FailedQuery {
  readonly query: string;
  readonly driverError: DriverError;
}

/**
 * TypeORM's QueryFailedError, known by its shape so that it is one from another copy of typeorm too. Any other error,
 * a lost connection of the application's own included, is not the database's and is `undefined`.
 */
export function failedQueryOf(error: unknown): FailedQuery | undefined {
  return isObject(error) && typeof error["query"] === "string" && isObject(error["driverError"])
    ? (error as unknown as FailedQuery)
    : undefined;
}

/**
 * Whether TypeORM refused a statement because its query runner is released. The `postgres` driver releases a query
 * runner by itself when the connection breaks between two statements, so this is how such a break looks.
 */
export function isReleasedQueryRunner(error: unknown): boolean {
  return isObject(error) && releasedNames.has(error["name"]);
}

const releasedNames: ReadonlySet<unknown> = new Set([
  "QueryRunnerAlreadyReleasedError",
  "QueryRunnerProviderAlreadyReleasedError",
]);

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
