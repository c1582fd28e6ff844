import { configuredPoolSize, poolSizeOf } from "../../src/sharing/pool-size";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";

describe("the size of a pool", () => {
  it.each([
    ["postgres", {}, 10],
    ["postgres", { poolSize: 4 }, 4],
    ["postgres", { poolSize: 4, extra: { max: 6 } }, 6],
    ["postgres", { poolSize: 4, extra: { poolSize: 6 } }, 4],
    ["postgres", { extra: { poolSize: 6 } }, 6],
    ["postgres", { poolSize: 4, extra: { max: undefined } }, 10],
    ["postgres", { extra: { max: "7" } }, 7],
    ["postgres", { extra: { max: 0 } }, 10],
    ["postgres", { poolSize: NaN }, 10],
    ["postgres", { poolSize: -1 }, 10],
    ["postgres", { poolSize: Infinity }, Infinity],
    ["postgres", { replication: { master: { poolSize: 2 } } }, 10],
    ["cockroachdb", { extra: { max: 6 } }, 6],
    ["mysql", {}, 10],
    ["mysql", { poolSize: 4 }, 4],
    ["mysql", { poolSize: 4, extra: { connectionLimit: 6 } }, 6],
    ["mariadb", { poolSize: 4, extra: { max: 6 } }, 4],
    ["mariadb", { extra: { connectionLimit: "6" } }, 6],
    ["mariadb", { extra: { connectionLimit: 0 } }, Infinity],
    ["mariadb", { extra: { connectionLimit: "many" } }, 10],
    ["mariadb", { poolSize: 4, replication: { master: {} } }, 4],
    ["mariadb", { poolSize: 4, replication: { master: { poolSize: 2 } } }, 2],
    ["mariadb", { replication: { master: { poolSize: 2 } }, extra: { connectionLimit: 6 } }, 6],
    ["mssql", {}, 10],
    ["oracle", { poolSize: 3 }, 3],
  ])("of %s with %j is %d", (type, options, size) => {
    expect(configuredPoolSize({ type, ...options })).toBe(size);
  });
});

interface Pools {
  readonly master?: { readonly options: { readonly max: number } };
  readonly pool?: { readonly config: { readonly connectionLimit: number } };
}

eachDatabase(
  (scratch, database) => {
    const limit = database === "postgres" ? "max" : "connectionLimit";

    it.each([{}, { poolSize: 4 }, { poolSize: 4, extra: { [limit]: 6 } }, { extra: { [limit]: "3" } }])(
      "is the one of the driver's pool, with %j",
      async (options) => {
        const dataSource = await scratch().dataSource([Account], options).initialize();
        const { master, pool } = dataSource.driver as unknown as Pools;
        expect(poolSizeOf(dataSource)).toBe(Number(master?.options.max ?? pool?.config.connectionLimit));
      },
    );
  },
  ["postgres", "mariadb"],
);

eachDatabase(
  (scratch) => {
    it("is 1 on SQLite, whatever is given", () => {
      expect(poolSizeOf(scratch().dataSource([Account], { poolSize: 4 }))).toBe(1);
    });
  },
  ["sqlite"],
);
