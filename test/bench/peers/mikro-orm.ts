import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { BenchDatabase } from "../bench-database";
import type { Contender } from "../operation";
import type { StatementCounter } from "../statement-counter";
import { loadPeer } from "./load-peer";

interface Core {
  readonly MikroORM: { init(options: object): Promise<Orm> };
  readonly EntitySchema: new (definition: object) => object;
}

interface Orm {
  readonly em: { fork(): Fork };
  close(): Promise<void>;
}

interface Fork {
  findOne(schema: object, id: number): Promise<{ stock: number } | null>;
  flush(): Promise<void>;
}

/** Find, change and flush by MikroORM, whose UPDATE checks the version. */
export async function unitByMikroOrm(database: BenchDatabase, id: number): Promise<Contender> {
  const { EntitySchema, MikroORM } = loadPeer<Core>("@mikro-orm/core");
  const schema = new EntitySchema({
    name: "Item",
    tableName: "item",
    properties: {
      id: { type: "integer", primary: true },
      ...Object.fromEntries(Object.entries(columns).map(([name, type]) => [name, { type, fieldName: name }])),
      version: { type: "integer", version: true },
    },
  });
  const orm = await MikroORM.init({
    ...driverOptions(database),
    entities: [schema],
    metadataCache: { enabled: false },
    discovery: { disableDynamicFileAccess: true },
    loggerFactory: () => countingLogger(database.counter),
  });
  return {
    name: "MikroORM, fork and flush",
    async run() {
      const em = orm.em.fork();
      const item = await em.findOne(schema, id);
      if (item === null) throw new Error("MikroORM did not find its row.");
      item.stock -= 1;
      await em.flush();
    },
    close: () => orm.close(),
  };
}

const columns = {
  name: "string",
  description: "string",
  price: "integer",
  stock: "integer",
  isListed: "boolean",
  listedAt: "Date",
} as const;

function driverOptions({ options }: BenchDatabase): object {
  switch (options.type) {
    case "postgres":
      return { driver: driver("postgresql", "PostgreSqlDriver"), clientUrl: options.url };
    case "mariadb":
      // Through the same driver as TypeORM.
      return { driver: driver("mysql", "MySqlDriver"), clientUrl: options.url };
    default:
      return {
        driver: driver("better-sqlite", "BetterSqliteDriver"),
        dbName: options.database,
        driverOptions: { connection: { options: { nativeBinding: sqliteBinding() } } },
      };
  }
}

function driver(name: string, className: string): unknown {
  return loadPeer<Record<string, unknown>>(`@mikro-orm/${name}`)[className];
}

// Its own is not compiled when it is installed; the library's is of the same version.
function sqliteBinding(): string {
  const main = createRequire(join(__dirname, "..", "main.ts")).resolve("better-sqlite3/package.json");
  return join(dirname(main), "build/Release/better_sqlite3.node");
}

function countingLogger(counter: StatementCounter): object {
  const ignore = (): void => {};
  return {
    logQuery: () => counter.logQuery(),
    log: ignore,
    warn: ignore,
    error: ignore,
    setDebugMode: ignore,
    isEnabled: () => false,
  };
}
