import { createServer } from "node:net";
import { DataSource, type DataSourceOptions, type QueryRunner } from "typeorm";
import { commitOutcomeOf } from "../../src/units/failures/commit-outcome";
import { connectFailureKindOf, failureKindOf } from "../../src/units/failures/failure-kind-of";
import { isTransactionLost } from "../../src/units/failures/transaction-lost";
import { eachDatabase, type Scratch } from "../support/databases";

// SQLite is told not to wait: better-sqlite3 would keep the whole process waiting, the holder of the lock included.
const impatient = { timeout: 5, busyTimeout: 5 };

/** What a promise is rejected with. */
async function failureOf(work: Promise<unknown>): Promise<any> {
  const nothing = Symbol("no failure");
  const failure: unknown = await work.then(
    () => nothing,
    (error: unknown) => error,
  );
  if (failure === nothing) throw new Error("It was expected to fail.");
  return failure;
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Two connections, `mine` and `theirs`, each with a table of three rows before it. */
function twoConnections(scratch: () => Scratch): {
  readonly mine: () => QueryRunner;
  readonly theirs: () => QueryRunner;
  readonly type: () => DataSourceOptions["type"];
} {
  let runners: readonly [QueryRunner, QueryRunner];
  let dataSources: DataSource[];
  beforeEach(async () => {
    const connect = (): Promise<DataSource> => scratch().dataSource([], impatient).initialize();
    dataSources = [await connect(), await connect()];
    runners = [dataSources[0]!.createQueryRunner(), dataSources[1]!.createQueryRunner()];
    await runners[0].query("DROP TABLE IF EXISTS account");
    await runners[0].query("CREATE TABLE account (id int PRIMARY KEY, balance int)");
    await runners[0].query("INSERT INTO account VALUES (1, 100), (2, 100), (3, 100)");
  });
  afterEach(async () => {
    for (const runner of runners) {
      if (runner.isTransactionActive && !runner.isReleased)
        await runner.rollbackTransaction().catch(() => undefined);
      if (!runner.isReleased) await runner.release();
    }
    for (const dataSource of dataSources) await dataSource.destroy();
  });
  return {
    mine: () => runners[0],
    theirs: () => runners[1],
    type: () => dataSources[0]!.options.type,
  };
}

const withdraw = (id: number): string => `UPDATE account SET balance = balance - 1 WHERE id = ${id}`;
const idsOf = async (runner: QueryRunner): Promise<number[]> =>
  (await runner.query("SELECT id FROM account ORDER BY id")).map((row: { id: number }) => row.id);

eachDatabase((scratch, database) => {
  const { mine, theirs, type } = twoConnections(scratch);

  it("does not run a violated constraint again", async () => {
    await mine().startTransaction();
    const failure = await failureOf(mine().query("INSERT INTO account VALUES (1, 5)"));
    expect(failure.driverError.message).toMatch(/duplicate|UNIQUE/i);
    expect(failureKindOf(type(), failure)).toBeUndefined();
    expect(isTransactionLost(type(), failure)).toBe(false);
  });

  if (database !== "sqlite") {
    it("knows a deadlock, of whichever is the victim", async () => {
      const runners = [mine(), theirs()];
      for (const [index, runner] of runners.entries()) {
        await runner.startTransaction();
        await runner.query(`INSERT INTO account VALUES (${10 + index}, 0)`);
        await runner.query(withdraw(1 + index));
      }
      const outcomes = await Promise.allSettled([mine().query(withdraw(2)), theirs().query(withdraw(1))]);
      const victim = outcomes.findIndex(({ status }) => status === "rejected");
      const failure = (outcomes[victim] as PromiseRejectedResult).reason;
      expect(failure.driverError).toMatchObject(
        database === "postgres" ? { code: "40P01", severity: "ERROR" } : { errno: 1213 },
      );
      expect(failureKindOf(type(), failure)).toBe("deadlock");
      expect(isTransactionLost(type(), failure)).toBe(database === "mariadb");

      // What the victim's next statement comes to is why it matters whether the transaction is lost.
      const loser = runners[victim]!;
      const winner = runners[1 - victim]!;
      const next = await loser.query("INSERT INTO account VALUES (20, 0)").then(
        () => "runs",
        (error: unknown) => (error as { driverError: { code: string } }).driverError.code,
      );
      expect(loser.isTransactionActive).toBe(true);
      await loser.rollbackTransaction();
      await winner.rollbackTransaction();
      expect({ next, ids: await idsOf(winner) }).toEqual(
        database === "postgres"
          ? { next: "25P02", ids: [1, 2, 3] }
          : // Committed, whatever came of the unit it was written in.
            { next: "runs", ids: [1, 2, 3, 20] },
      );
    });

    it("knows a lock that was waited for too long, and one that was not waited for", async () => {
      await theirs().startTransaction();
      await theirs().query(withdraw(1));
      const attempts = [withdraw(1), "SELECT id FROM account WHERE id = 1 FOR UPDATE NOWAIT"];
      for (const statement of attempts) {
        await mine().query(
          database === "postgres" ? "SET lock_timeout = '20ms'" : "SET SESSION innodb_lock_wait_timeout = 1",
        );
        await mine().startTransaction();
        await mine().query("INSERT INTO account VALUES (10, 0)");
        const failure = await failureOf(mine().query(statement));
        expect(failure.driverError).toMatchObject(
          database === "postgres" ? { code: "55P03" } : { errno: 1205 },
        );
        expect(failureKindOf(type(), failure)).toBe("lock-timeout");
        expect(isTransactionLost(type(), failure)).toBe(false);
        if (database === "mariadb") expect(await idsOf(mine())).toContain(10);
        await mine().rollbackTransaction();
      }
    });

    it("knows an update of a row that is newer than the snapshot", async () => {
      if (database === "mariadb") await mine().query("SET SESSION innodb_snapshot_isolation = ON");
      await mine().startTransaction("REPEATABLE READ");
      await mine().query("INSERT INTO account VALUES (10, 0)");
      await mine().query("SELECT * FROM account");
      await theirs().query(withdraw(1));
      const failure = await failureOf(mine().query(withdraw(1)));
      expect(failure.driverError).toMatchObject(
        database === "postgres" ? { code: "40001" } : { errno: 1020 },
      );
      expect(failureKindOf(type(), failure)).toBe("serialization-failure");
      expect(isTransactionLost(type(), failure)).toBe(database === "mariadb");
      if (database === "mariadb") expect(await idsOf(mine())).toEqual([1, 2, 3]);
      await mine().rollbackTransaction();
    });

    it("does not run a statement again that was cancelled", async () => {
      await mine().startTransaction();
      const [limit, slow] =
        database === "postgres"
          ? ["SET LOCAL statement_timeout = '20ms'", "SELECT pg_sleep(5)"]
          : ["SET SESSION max_statement_time = 0.02", "SELECT SLEEP(5) FROM account"];
      await mine().query(limit);
      const failure = await failureOf(mine().query(slow));
      expect(failure.driverError).toMatchObject(
        database === "postgres" ? { code: "57014" } : { errno: 1969 },
      );
      expect(failureKindOf(type(), failure)).toBeUndefined();
    });

    describe("a connection that is killed", () => {
      const identify = async (runner: QueryRunner): Promise<number> =>
        (
          await runner.query(
            database === "postgres" ? "SELECT pg_backend_pid() AS id" : "SELECT CONNECTION_ID() AS id",
          )
        )[0].id;
      const kill = (id: number): Promise<unknown> =>
        theirs().query(
          database === "postgres" ? `SELECT pg_terminate_backend(${id})` : `KILL CONNECTION ${id}`,
        );
      const isGone = async (id: number): Promise<boolean> =>
        (
          await theirs().query(
            database === "postgres"
              ? `SELECT 1 FROM pg_stat_activity WHERE pid = ${id}`
              : `SELECT 1 FROM information_schema.processlist WHERE id = ${id}`,
          )
        ).length === 0;

      it("is known by the next statement, and by the COMMIT that was not sent", async () => {
        await mine().startTransaction();
        const id = await identify(mine());
        await kill(id);
        await until(() => isGone(id));
        const connection = await mine().connect();
        // Both drivers mark the connection when they hear that it has ended.
        await until(() =>
          database === "postgres" ? mine().isReleased : Object.hasOwn(connection, "addCommand"),
        );
        const failure = await failureOf(mine().query(withdraw(1)));
        expect(database === "postgres" ? failure.name : failure.driverError.message).toBe(
          database === "postgres"
            ? "QueryRunnerAlreadyReleasedError"
            : "Can't add new command when connection is in closed state",
        );
        expect(failureKindOf(type(), failure)).toBe("connection-lost");
        expect(commitOutcomeOf(type(), await failureOf(mine().commitTransaction()))).toBe("refused");
        expect(failureKindOf(type(), await failureOf(mine().rollbackTransaction()))).toBe("connection-lost");
      });

      it("is known by the next statement when nobody has heard of it yet", async () => {
        await mine().startTransaction();
        await kill(await identify(mine()));
        // The server may still refuse, or the socket may break: each time it is the connection.
        expect(failureKindOf(type(), await failureOf(mine().query(withdraw(1))))).toBe("connection-lost");
      });

      it("is known by the statement that was running", async () => {
        await mine().startTransaction();
        const id = await identify(mine());
        const slow = failureOf(
          mine().query(database === "postgres" ? "SELECT pg_sleep(30)" : "SELECT SLEEP(30)"),
        );
        await until(
          async () =>
            (
              await theirs().query(
                database === "postgres"
                  ? `SELECT 1 FROM pg_stat_activity WHERE pid = ${id} AND wait_event = 'PgSleep'`
                  : `SELECT 1 FROM information_schema.processlist WHERE id = ${id} AND state = 'User sleep'`,
              )
            ).length === 1,
        );
        await kill(id);
        const failure = await slow;
        expect(failure.driverError.code).toBe(database === "postgres" ? "57P01" : "PROTOCOL_CONNECTION_LOST");
        expect(failureKindOf(type(), failure)).toBe("connection-lost");
        expect(failureKindOf(type(), await failureOf(mine().query("SELECT 1")))).toBe("connection-lost");
      });

      it("gives its place in the pool back", async () => {
        const dataSource = await scratch().dataSource([], { poolSize: 1 }).initialize();
        const runner = dataSource.createQueryRunner();
        await runner.startTransaction();
        const id = await identify(runner);
        await kill(id);
        await until(() => isGone(id));
        await failureOf(runner.query("SELECT 1"));
        await runner.release();
        // node-postgres may hand the dying connection out once more before it hears of the end.
        await until(async () => {
          const another = dataSource.createQueryRunner();
          const isNew = await identify(another).then(
            (other) => other !== id,
            () => false,
          );
          await another.release();
          return isNew;
        });
        await dataSource.destroy();
      });
    });

    it("knows a server that is not there, and not as a failure of the unit's own statements", async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await until(() => server.listening);
      const { port } = server.address() as { port: number };
      await new Promise((resolve) => server.close(resolve));
      const absent = new DataSource({ type: database, host: "127.0.0.1", port });
      const failure = await failureOf(absent.initialize());
      expect(failure.code).toBe("ECONNREFUSED");
      expect(connectFailureKindOf(type(), failure)).toBe("connection-lost");
      expect(failureKindOf(type(), failure)).toBeUndefined();
    });
  }
});

eachDatabase(
  (scratch) => {
    const { mine, theirs, type } = twoConnections(scratch);

    it("knows a COMMIT that a deferred constraint refuses", async () => {
      await mine().query("ALTER TABLE account ADD UNIQUE (balance, id) DEFERRABLE INITIALLY DEFERRED");
      await mine().query("ALTER TABLE account DROP CONSTRAINT account_pkey");
      await mine().startTransaction();
      await mine().query("INSERT INTO account VALUES (1, 100)");
      const failure = await failureOf(mine().commitTransaction());
      expect(failure.driverError).toMatchObject({ code: "23505", severity: "ERROR" });
      expect(commitOutcomeOf(type(), failure)).toBe("refused");
      expect(await idsOf(mine())).toEqual([1, 2, 3]);
    });

    it("does not know the outcome of a COMMIT during which the connection ends", async () => {
      await mine().query(
        "CREATE OR REPLACE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NULL; END'",
      );
      await mine().query(
        "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON account DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slowly()",
      );
      await mine().startTransaction();
      const [{ id }] = await mine().query("SELECT pg_backend_pid() AS id");
      await mine().query("INSERT INTO account VALUES (10, 0)");
      const committing = failureOf(mine().commitTransaction());
      await until(
        async () =>
          (
            await theirs().query("SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'", [
              id,
            ])
          ).length === 1,
      );
      await theirs().query("SELECT pg_terminate_backend($1)", [id]);
      const failure = await committing;
      expect(failure.driverError).toMatchObject({ code: "57P01", severity: "FATAL" });
      expect(commitOutcomeOf(type(), failure)).toBe("unknown");
      expect(failureKindOf(type(), failure)).toBe("connection-lost");
    });

    it("knows two serializable transactions that read what the other writes", async () => {
      const runners = [mine(), theirs()];
      for (const runner of runners) await runner.startTransaction("SERIALIZABLE");
      for (const runner of runners) await runner.query("SELECT sum(balance) FROM account");
      for (const [index, runner] of runners.entries()) await runner.query(withdraw(1 + index));
      await mine().commitTransaction();
      const failure = await failureOf(theirs().commitTransaction());
      expect(failure.driverError).toMatchObject({ code: "40001" });
      expect(failureKindOf(type(), failure)).toBe("serialization-failure");
      expect(commitOutcomeOf(type(), failure)).toBe("refused");
    });

    it("knows a role that has no connection left", async () => {
      const role = `nobody_${process.pid}_${Date.now().toString(36)}`;
      await mine().query(`CREATE ROLE ${role} LOGIN PASSWORD 'nobody' CONNECTION LIMIT 0`);
      try {
        const options = scratch().dataSource([]).options as { url: string };
        const url = new URL(options.url);
        [url.username, url.password] = [role, "nobody"];
        const failure = await failureOf(
          new DataSource({ type: "postgres", url: url.toString() }).initialize(),
        );
        expect(failure.code).toBe("53300");
        expect(connectFailureKindOf("postgres", failure)).toBe("connection-lost");
      } finally {
        await mine().query(`DROP ROLE ${role}`);
      }
    });
  },
  ["postgres"],
);

eachDatabase(
  (scratch) => {
    const { mine, theirs, type } = twoConnections(scratch);

    it("knows a database that another connection writes to", async () => {
      await theirs().startTransaction();
      await theirs().query(withdraw(1));
      await mine().startTransaction();
      const failure = await failureOf(mine().query(withdraw(2)));
      expect(failure.driverError.code).toBe("SQLITE_BUSY");
      expect(failureKindOf(type(), failure)).toBe("busy");
      expect(isTransactionLost(type(), failure)).toBe(false);
    });

    it("knows a write on a snapshot that is not the newest", async () => {
      await mine().startTransaction();
      await idsOf(mine());
      await theirs().query(withdraw(1));
      const failure = await failureOf(mine().query(withdraw(1)));
      // sqlite3 gives the primary code alone.
      expect(failure.driverError.code).toBe(
        type() === "better-sqlite3" ? "SQLITE_BUSY_SNAPSHOT" : "SQLITE_BUSY",
      );
      expect(failureKindOf(type(), failure)).toBe("busy");
    });

    it("knows a COMMIT that readers keep out, and that can be sent again", async () => {
      const { database } = scratch().dataSource([]).options as { database: string };
      const inRollbackMode = { ...impatient, enableWAL: false, database: `${database}-rollback` };
      const alone = await scratch().dataSource([], inRollbackMode).initialize();
      const reader = await scratch().dataSource([], inRollbackMode).initialize();
      await alone.query("CREATE TABLE note (id int)");
      const [writing, reading] = [alone.createQueryRunner(), reader.createQueryRunner()];
      await reading.startTransaction();
      await reading.query("SELECT * FROM note");
      await writing.startTransaction();
      await writing.query("INSERT INTO note VALUES (1)");
      const failure = await failureOf(writing.commitTransaction());
      expect(failureKindOf(type(), failure)).toBe("busy");
      expect(commitOutcomeOf(type(), failure)).toBe("refused");
      await reading.rollbackTransaction();
      await writing.commitTransaction();
      expect(await reader.query("SELECT * FROM note")).toHaveLength(1);
    });

    it("knows a COMMIT that a deferred foreign key refuses", async () => {
      await mine().query(
        "CREATE TABLE entry (id int, account int REFERENCES account DEFERRABLE INITIALLY DEFERRED)",
      );
      await mine().startTransaction();
      await mine().query("INSERT INTO entry VALUES (1, 99)");
      const failure = await failureOf(mine().commitTransaction());
      expect(commitOutcomeOf(type(), failure)).toBe("refused");
      expect(failureKindOf(type(), failure)).toBeUndefined();
      await mine().rollbackTransaction();
      await mine().query("DROP TABLE entry");
    });

    it("knows a full database, whose next statement runs outside of the transaction", async () => {
      await mine().query("CREATE TABLE document (content blob)");
      const [{ page_count: pages }] = await mine().query("PRAGMA page_count");
      await mine().query(`PRAGMA max_page_count = ${Number(pages) + 20}`);
      await mine().startTransaction();
      await mine().query("INSERT INTO account VALUES (10, 0)");
      const failure = await failureOf(mine().query("INSERT INTO document VALUES (zeroblob(1000000))"));
      expect(failure.driverError.code).toBe("SQLITE_FULL");
      expect(failureKindOf(type(), failure)).toBeUndefined();
      expect(isTransactionLost(type(), failure)).toBe(true);
      await mine().query("INSERT INTO account VALUES (20, 0)");
      expect(await idsOf(theirs())).toEqual([1, 2, 3, 20]);
      const rollback = await failureOf(mine().rollbackTransaction());
      expect(rollback.driverError.message).toContain("no transaction is active");
    });

    // No code tells it apart from a constraint that costs the statement alone.
    it("does not see that a constraint has rolled back", async () => {
      await mine().startTransaction();
      await mine().query("INSERT INTO account VALUES (10, 0)");
      const failure = await failureOf(mine().query("INSERT OR ROLLBACK INTO account VALUES (1, 0)"));
      expect(isTransactionLost(type(), failure)).toBe(false);
      expect(await idsOf(mine())).toEqual([1, 2, 3]);
    });
  },
  ["sqlite"],
);

eachDatabase(
  (scratch) => {
    const { mine, type } = twoConnections(scratch);

    it("knows the server's own word that the connection was killed", async () => {
      await mine().startTransaction();
      const failure = await failureOf(mine().query("KILL CONNECTION CONNECTION_ID()"));
      expect(failure.driverError.errno).toBe(1927);
      expect(failureKindOf(type(), failure)).toBe("connection-lost");
    });
  },
  ["mariadb"],
);

describe("on sqljs", () => {
  it("knows a full database by its message, for want of a code", async () => {
    const dataSource = await new DataSource({ type: "sqljs" }).initialize();
    const runner = dataSource.createQueryRunner();
    await runner.query("CREATE TABLE document (id integer PRIMARY KEY, content blob)");
    await runner.query("PRAGMA max_page_count = 20");
    await runner.startTransaction();
    await runner.query("INSERT INTO document VALUES (1, NULL)");
    const failure = await failureOf(runner.query("INSERT INTO document VALUES (2, zeroblob(1000000))"));
    expect(failure.driverError.code).toBeUndefined();
    expect(isTransactionLost("sqljs", failure)).toBe(true);
    expect(await runner.query("SELECT id FROM document")).toEqual([]);
    await dataSource.destroy();
  });
});
