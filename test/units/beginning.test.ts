import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { DataSource, DataSourceOptions, EntityManager, QueryRunner } from "typeorm";
import { guardDataSource, runUnitOfWork, type GuardOptions } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase, QueryLog } from "../support/databases";

type Seen = "START" | "answer" | "SELECT" | "UPDATE" | "COMMIT";

/** Stands between an application and its server, and can keep what the server answers to the beginning of a transaction. */
class Between {
  readonly seen: Seen[] = [];
  /** Whether that answer waits until the application has sent something more. */
  holdsAnswer = false;
  readonly #sockets: Socket[] = [];
  #held: (() => void) | undefined;
  readonly #server: Server;

  private constructor(port: number, host: string) {
    this.#server = createServer((client) => this.#join(client, connect(port, host)));
  }

  static async before(port: number, host: string): Promise<Between> {
    const between = new Between(port, host);
    await new Promise<void>((resolve) => between.#server.listen(0, "127.0.0.1", resolve));
    return between;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, server: Socket): void {
    this.#sockets.push(client, server);
    for (const socket of [client, server]) socket.on("error", () => undefined);
    let isAsked = false;
    let isFollowed = false;
    client.on("data", (data) => {
      const text = data.toString("latin1");
      const words = text.match(/START(?= TRANSACTION)|SELECT(?= )|UPDATE(?= )|COMMIT/g) ?? [];
      this.seen.push(...(words as Seen[]));
      if (words[0] === "START") isAsked = true;
      isFollowed = words.length > 0 && words.at(-1) !== "START";
      if (isFollowed) this.#held?.();
      server.write(data);
    });
    server.on("data", (data) => {
      const pass = (): void => void client.write(data);
      if (!isAsked) {
        pass();
        return;
      }
      isAsked = false;
      this.seen.push("answer");
      if (this.holdsAnswer && !isFollowed) this.#held = pass;
      else pass();
    });
  }
}

eachDatabase(
  (scratch, database) => {
    let looker: DataSource;
    let between: Between;
    const opened: DataSource[] = [];

    beforeAll(async () => {
      looker = await scratch().dataSource([Account], { synchronize: true, dropSchema: true }).initialize();
      const url = new URL((looker.options as unknown as { url: string }).url);
      between = await Between.before(Number(url.port), url.hostname);
    });
    beforeEach(async () => {
      await looker.manager.clear(Account);
      await looker.manager.insert(Account, { id: 1, balance: 10 });
      between.holdsAnswer = false;
    });
    afterEach(async () => {
      for (const dataSource of opened.splice(0)) await dataSource.destroy();
    });
    afterAll(() => between.close());

    const open = async (options?: GuardOptions, more?: Partial<DataSourceOptions>): Promise<DataSource> => {
      const url = new URL((looker.options as unknown as { url: string }).url);
      url.port = String(between.port);
      const dataSource = scratch().dataSource([Account], {
        ...more,
        url: url.toString(),
      } as Partial<DataSourceOptions>);
      opened.push(await guardDataSource(dataSource, options).initialize());
      between.seen.length = 0;
      return dataSource;
    };
    const spend = async (manager: EntityManager): Promise<void> => {
      const account = await manager.findOneByOrFail(Account, { id: 1 });
      account.balance -= 1;
      await manager.save(account);
    };
    const balance = async (): Promise<number> =>
      (await looker.manager.findOneByOrFail(Account, { id: 1 })).balance;

    it("needs one round trip for each statement, and on PostgreSQL none for the beginning before a read", async () => {
      const mine = await open();
      // If the read waited for the answer, the answer would wait for ever.
      between.holdsAnswer = database === "postgres";
      await runUnitOfWork(mine, spend);
      expect(await balance()).toBe(9);
      expect(between.seen.filter((each) => each !== "answer")).toEqual([
        "START",
        "SELECT",
        "UPDATE",
        "COMMIT",
      ]);
    });

    it("sends the beginning together with the first read on PostgreSQL", async () => {
      const held: [string, boolean][] = [];
      class HeldLog extends QueryLog {
        override logQuery(sql: string, _?: unknown, queryRunner?: QueryRunner): void {
          const { databaseConnection } = queryRunner as unknown as {
            readonly databaseConnection: { readonly connection?: { readonly stream: Socket } };
          };
          const stream = databaseConnection.connection?.stream;
          held.push([sql.slice(0, 6), stream !== undefined && stream.writableCorked > 0]);
        }
      }
      const mine = await open({}, { logger: new HeldLog(), logging: true });
      held.length = 0;
      await runUnitOfWork(mine, spend);
      const isTogether = database === "postgres";
      expect(held).toEqual([
        ["START ", isTogether],
        ["SELECT", isTogether],
        ["UPDATE", false],
        ["COMMIT", false],
      ]);
    });

    if (database === "postgres") {
      it("is a transaction too where what is sent cannot be sent together", async () => {
        const mine = await open();
        const queryRunner = mine.createQueryRunner();
        const client = (await queryRunner.connect()) as { readonly connection: { readonly stream: object } };
        Object.assign(client.connection.stream, { cork: undefined });
        await queryRunner.release();
        const mistake = new Error("of the work");
        const unit = runUnitOfWork(mine, async (manager) => {
          await spend(manager);
          throw mistake;
        });
        await expect(unit).rejects.toBe(mistake);
        expect(await balance()).toBe(10);
        await runUnitOfWork(mine, spend);
        expect(await balance()).toBe(9);
      });
    }

    const writes: Record<string, (manager: EntityManager) => Promise<unknown>> = {
      "a write": (manager) => manager.update(Account, 1, { balance: 5 }),
      "raw SQL that looks like a read": (manager) => manager.query("SELECT 1"),
    };
    it.each(Object.entries(writes))("does not send %s before the transaction has begun", async (_, write) => {
      const mine = await open();
      await runUnitOfWork(mine, write);
      expect(between.seen.slice(0, 3)).toEqual([
        "START",
        "answer",
        expect.stringMatching(/^(UPDATE|SELECT)$/),
      ]);
    });

    it("lets only the first of several reads at once go before", async () => {
      const mine = await open({ overlap: "off" });
      const found = await runUnitOfWork(mine, (manager) =>
        Promise.all([1, 2, 1].map((id) => manager.findOneBy(Account, { id }))),
      );
      expect(found.map((account) => account?.id)).toEqual([1, undefined, 1]);
      await runUnitOfWork(mine, spend);
      expect(await balance()).toBe(9);
    });

    it.each(["REPEATABLE READ", "SERIALIZABLE"] as const)(
      "keeps %s before the first read",
      async (isolation) => {
        const mine = await open();
        await runUnitOfWork(mine, spend, { isolation });
        expect(await balance()).toBe(9);
      },
    );

    it("sends nothing of the work where the transaction could not begin", async () => {
      const mine = await open();
      const error = Object.assign(new Error("not now"), { code: "XX000" });
      const sent: string[] = [];
      const createQueryRunner = mine.createQueryRunner.bind(mine);
      mine.createQueryRunner = (mode) => {
        const queryRunner = createQueryRunner(mode);
        refuseStart(queryRunner, error, sent);
        return queryRunner;
      };
      const unit = runUnitOfWork(mine, async (manager) => {
        await manager.findOneBy(Account, { id: 1 }).catch(() => undefined);
        await manager.update(Account, 1, { balance: 5 }).catch(() => undefined);
      });
      await expect(unit).rejects.toBe(error);
      expect(sent.filter((sql) => sql.startsWith("UPDATE"))).toEqual([]);
      expect(await balance()).toBe(10);
    });

    it("reports an error of the work, and leaves nothing", async () => {
      const mine = await open();
      const mistake = new Error("of the work");
      const fail = (): Promise<never> => {
        throw mistake;
      };
      await expect(runUnitOfWork(mine, fail)).rejects.toBe(mistake);
      await runUnitOfWork(mine, async () => undefined);
      await runUnitOfWork(mine, spend);
      expect(await balance()).toBe(9);
    });
  },
  ["postgres", "mariadb"],
);

function refuseStart(queryRunner: QueryRunner, error: Error, sent: string[]): void {
  const query = queryRunner.query.bind(queryRunner) as (
    sql: string,
    ...others: unknown[]
  ) => Promise<unknown>;
  Object.assign(queryRunner, {
    query: async (sql: string, ...others: unknown[]) => {
      if (sql.startsWith("START")) throw error;
      sent.push(sql);
      return query(sql, ...others);
    },
  });
}
