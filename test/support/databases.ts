import { rmSync } from "node:fs";
import { join } from "node:path";
import { DataSource, type DataSourceOptions, type EntitySchema, type Logger } from "typeorm";
import { makeScratchFolder } from "./scratch-folder";

declare const TYPEORM_LINE: "1.1" | "0.3";

export const typeormLine = TYPEORM_LINE;

export type DatabaseName = "sqlite" | "postgres" | "mariadb";

/** A database of its own for one test file, and connections to it. */
export class Scratch {
  readonly #open: DataSource[] = [];

  constructor(
    readonly name: DatabaseName,
    private readonly options: DataSourceOptions,
    private readonly dropDatabase: () => Promise<void>,
  ) {}

  /** A DataSource of its own, with its own connections; not yet initialized. */
  dataSource(entities: readonly (Function | EntitySchema)[], extra: object = {}): DataSource {
    const dataSource = new DataSource({
      ...this.options,
      entities: [...entities],
      ...extra,
    });
    this.#open.push(dataSource);
    return dataSource;
  }

  /** Closes every DataSource and drops the database. */
  async drop(): Promise<void> {
    for (const dataSource of this.#open) if (dataSource.isInitialized) await dataSource.destroy();
    await this.dropDatabase();
  }
}

let counter = 0;

async function createScratch(name: DatabaseName): Promise<Scratch> {
  const database = `concurrency_${process.pid}_${Date.now().toString(36)}_${counter++}`;
  switch (name) {
    case "sqlite": {
      const folder = makeScratchFolder("typeorm-concurrency-");
      const type = typeormLine === "0.3" ? "sqlite" : "better-sqlite3";
      return new Scratch(
        name,
        { type, database: join(folder, "test.sqlite"), enableWAL: true } as DataSourceOptions,
        async () => rmSync(folder, { recursive: true, force: true }),
      );
    }
    case "postgres":
      return createOnServer(name, { type: "postgres", url: process.env["POSTGRES_URL"] ?? "" }, database);
    case "mariadb":
      return createOnServer(name, { type: "mariadb", url: process.env["MARIADB_URL"] ?? "" }, database);
    default:
      return name satisfies never;
  }
}

async function createOnServer(
  name: DatabaseName,
  server: { type: "postgres" | "mariadb"; url: string },
  database: string,
): Promise<Scratch> {
  const administer = async (sql: string): Promise<void> => {
    const administrator = new DataSource(server);
    await administrator.initialize();
    await administrator.query(sql);
    await administrator.destroy();
  };
  await administer(`CREATE DATABASE ${database}`);
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  const force = name === "postgres" ? " WITH (FORCE)" : "";
  return new Scratch(name, { type: server.type, url: url.toString() }, () =>
    administer(`DROP DATABASE ${database}${force}`),
  );
}

/** Declares the same tests once for each database, each time with a database of their own. */
export function eachDatabase(
  body: (scratch: () => Scratch, name: DatabaseName) => void,
  only: readonly DatabaseName[] = ["sqlite", "postgres", "mariadb"],
): void {
  for (const name of only) {
    const absent = name === "mariadb" ? process.env["MARIADB_ABSENT"] : undefined;
    if (absent !== undefined) {
      describe.skip(`on ${name} (skipped: ${absent})`, () => body(() => undefined as never, name));
      continue;
    }
    describe(`on ${name}`, () => {
      let scratch: Scratch;
      beforeAll(async () => {
        scratch = await createScratch(name);
      });
      afterAll(() => scratch?.drop());
      body(() => scratch, name);
    });
  }
}

/** Remembers the SQL of a DataSource. */
export class QueryLog implements Logger {
  readonly statements: string[] = [];

  logQuery(query: string): void {
    this.statements.push(query);
  }

  /** What was logged while `work` ran. */
  async during<T>(work: () => Promise<T>): Promise<string[]> {
    this.statements.length = 0;
    await work();
    return [...this.statements];
  }

  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}
