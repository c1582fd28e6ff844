import type { DataSource, EntitySchema } from "typeorm";
import { guardDataSource, isOptimisticLockError, type OptimisticLockError } from "typeorm-concurrency";
import { QueryLog, type Scratch } from "../support/databases";

export type Entities = readonly (Function | EntitySchema)[];

/** A DataSource on a fresh schema, guarded or bare, whose SQL is remembered. */
export async function openFresh(
  scratch: Scratch,
  entities: Entities,
  { guarded = true, ...extra }: { guarded?: boolean } & Record<string, unknown> = {},
): Promise<{ dataSource: DataSource; log: QueryLog }> {
  const log = new QueryLog();
  const dataSource = scratch.dataSource(entities, {
    synchronize: true,
    dropSchema: true,
    logging: true,
    logger: log,
    ...extra,
  });
  if (guarded) guardDataSource(dataSource);
  await dataSource.initialize();
  return { dataSource, log };
}

/** A second DataSource with connections of its own, on the schema that is there. */
export async function openSecond(
  scratch: Scratch,
  entities: Entities,
  { guarded = true, ...extra }: { guarded?: boolean } & Record<string, unknown> = {},
): Promise<DataSource> {
  const dataSource = scratch.dataSource(entities, extra);
  if (guarded) guardDataSource(dataSource);
  return dataSource.initialize();
}

/** The refusal that the work ends with; fails when it goes through or ends with another error. */
export async function refusalOf(work: Promise<unknown>): Promise<OptimisticLockError> {
  const outcome = await work.then(
    () => new Error("It went through."),
    (error: unknown) => error,
  );
  if (isOptimisticLockError(outcome)) return outcome;
  throw new Error(`Not refused as a conflict: ${String(outcome)}`, { cause: outcome });
}

/** Fails instead of waiting for ever for work that hangs. */
export async function withoutHanging<T>(work: Promise<T>, milliseconds = 4000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error("It hangs.")), milliseconds);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** Both worlds: what works in `bare` must work the same in `guarded`. */
export const worlds = [
  ["bare", false],
  ["guarded", true],
] as const;

/** A promise and the way to settle it. */
export class Latch {
  open!: () => void;
  readonly opened = new Promise<void>((resolve) => (this.open = resolve));
}

/** A logger that does something when a statement is sent. */
export class Tripwire extends QueryLog {
  #pattern: RegExp | undefined;
  #action: (() => void) | undefined;

  /** Calls `action` once, at the first statement that matches. */
  on(pattern: RegExp, action: () => void): void {
    this.#pattern = pattern;
    this.#action = action;
  }

  override logQuery(query: string): void {
    super.logQuery(query);
    if (!this.#pattern?.test(query)) return;
    const action = this.#action;
    this.#pattern = this.#action = undefined;
    action?.();
  }
}

/** Ends the connections of a DataSource that hangs, so that its database can be dropped. */
export async function killConnections(hanging: DataSource, another: () => DataSource): Promise<void> {
  Object.assign(hanging, { isInitialized: false });
  if (!["postgres", "mariadb"].includes(hanging.options.type)) return;
  const admin = await another().initialize();
  if (admin.options.type === "postgres") {
    await admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
  } else {
    const rows = (await admin.query(
      "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
    )) as { id: number }[];
    for (const { id } of rows) await admin.query(`KILL ${id}`);
  }
  await admin.destroy();
}
