import { Column, Entity, PrimaryColumn, type DataSource } from "typeorm";
import { currentManager, runUnitOfWork, RowVersion } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { openFresh, withoutHanging } from "./support";

@Entity()
class Item {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @RowVersion() version: number;
}

eachDatabase(
  (scratch, db) => {
    describe.each([
      ["plain", {}],
      ["pipeline: true", { extra: { pipeline: true } }],
    ])("with %s", (_, extra) => {
      let ds: DataSource;
      let log: string[];
      beforeAll(async () => {
        const opened = await openFresh(scratch(), [Item], { ...extra, poolSize: 3 });
        ds = opened.dataSource;
        log = opened.log.statements;
        for (const id of [1, 2, 3]) await ds.manager.save(Object.assign(new Item(), { id, name: "n" }));
      });
      const idle = async (attempts = 20): Promise<void> => {
        if (db !== "postgres") return;
        const [{ n }] = await ds.query(
          "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'",
        );
        // The server may not have noticed yet that a connection was ended.
        if (n > 0 && attempts > 0) return idle(attempts - 1);
        expect(n).toBe(0);
      };
      const inUnit = async (work: Parameters<typeof runUnitOfWork<unknown>>[1], options = {}) => {
        log.length = 0;
        const result = await withoutHanging(runUnitOfWork(ds, work, { retries: 0, ...options })).catch(
          (error: unknown) => error as Error,
        );
        const sent = [...log];
        await idle();
        return { result, sent };
      };
      it("does nothing", async () => {
        expect((await inUnit(async () => 5)).result).toBe(5);
      });
      it("throws synchronously", async () => {
        const { result } = await inUnit((() => {
          throw new Error("at once");
        }) as never);
        expect(result).toMatchObject({ message: "at once" });
      });
      it("throws with a read on its way", async () => {
        const { result } = await inUnit(async (m) => {
          void m.find(Item).catch(() => undefined);
          throw new Error("at once");
        });
        expect(result).toMatchObject({ message: "at once" });
      });
      it("reads twice at once", async () => {
        const { result, sent } = await inUnit((m) =>
          Promise.all([m.find(Item), m.findBy(Item, { id: 1 }), m.query("SELECT 7 AS x")]),
        );
        expect((result as unknown[][]).map((r) => r.length)).toEqual([3, 1, 1]);
        expect(sent[0]).toBe("START TRANSACTION");
      });
      it("asks for an isolation first", async () => {
        const { result } = await inUnit(async (m) => {
          if (db !== "postgres") return "serializable";
          await m.query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
          return (await m.query("SHOW transaction_isolation"))[0].transaction_isolation;
        });
        expect(result).toBe("serializable");
      });
      it("sets something locally first", async () => {
        const { result } = await inUnit(async (m) => {
          if (db !== "postgres") return ["7s", "0"];
          await m.query("SET LOCAL statement_timeout = '7s'");
          const [{ statement_timeout: inside }] = await m.query("SHOW statement_timeout");
          return inside;
        });
        expect([result].flat()[0]).toBe("7s");
        if (db === "postgres")
          expect((await ds.query("SHOW statement_timeout"))[0].statement_timeout).toBe("0");
      });
      it("locks by its first read", async () => {
        const { result } = await inUnit(async (m) => {
          const item = await m.findOneOrFail(Item, { where: { id: 1 }, lock: { mode: "pessimistic_write" } });
          const other = ds.createQueryRunner();
          const lock =
            db === "postgres"
              ? "SELECT 1 FROM item WHERE id = 1 FOR UPDATE NOWAIT"
              : "SELECT 1 FROM item WHERE id = 1 FOR UPDATE NOWAIT";
          const locked = await other.query(lock).then(
            () => false,
            () => true,
          );
          await other.release();
          item.name += "x";
          await currentManager(ds).save(item);
          return locked;
        });
        expect(result).toBe(true);
      });
      it("begins with a wrong read", async () => {
        const { result } = await inUnit((m) =>
          m.createQueryBuilder(Item, "i").where("nonsense(i.id)").getMany(),
        );
        expect(String(result)).toMatch(/nonsense/);
        expect((await inUnit((m) => m.countBy(Item, {}))).result).toBe(3);
      });
      it("begins with a nested transaction, a save, a stream", async () => {
        const { result } = await inUnit((m) => m.transaction(async (n) => n.countBy(Item, {})));
        expect(result).toBe(3);
        const item = await ds.manager.findOneByOrFail(Item, { id: 2 });
        item.name += "s";
        expect((await inUnit((m) => m.save(item))).result).toBe(item);
        item.name += "s";
        await inUnit(async (m) => {
          await m.save(item);
          throw new Error("undone");
        });
        expect((await inUnit((m) => m.save(item))).result).toBe(item);
        // pg itself refuses cursors in pipeline mode.
        if ("extra" in extra) return;
        const { result: rows } = await inUnit(async (m) => {
          const stream = await m.createQueryBuilder(Item, "i").stream();
          return (await stream.toArray()).length;
        });
        expect(rows).toBe(3);
      });
      it("loses its connection while it begins", async () => {
        const { result } = await inUnit(async (m) => {
          const admin = ds.createQueryRunner();
          if (db === "postgres")
            await admin.query(
              "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
            );
          else
            for (const { id } of await admin.query(
              "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
            ))
              await admin.query(`KILL ${id}`);
          await admin.release();
          return m.find(Item);
        });
        expect(result).toBeInstanceOf(Error);
        expect((await inUnit((m) => m.countBy(Item, {}))).result).toBe(3);
      });
      it("has a query of its own on the query runner", async () => {
        const seen: string[] = [];
        const create = ds.createQueryRunner;
        ds.createQueryRunner = function (this: DataSource, ...p: []) {
          const runner = create.apply(this, p);
          const query = runner.query.bind(runner);
          runner.query = (async (sql: string, ...rest: []) => {
            seen.push(sql);
            await new Promise((r) => setTimeout(r, sql.startsWith("START") ? 30 : 1));
            return query(sql, ...rest);
          }) as never;
          return runner;
        } as never;
        try {
          const { result } = await inUnit((m) => Promise.all([m.find(Item), m.count(Item)]));
          expect((result as unknown[])[1]).toBe(3);
          expect(seen[0]).toBe("START TRANSACTION");
          expect(seen).toContain("COMMIT");
        } finally {
          ds.createQueryRunner = create;
        }
      });
      it("is aborted", async () => {
        const abort = new AbortController();
        const { result } = await inUnit(
          async (m) => {
            const found = m.find(Item);
            abort.abort(new Error("enough"));
            return found;
          },
          { signal: abort.signal },
        );
        expect(Array.isArray(result) || String(result).includes("enough")).toBe(true);
      });
    });
  },
  ["postgres", "mariadb"],
);
