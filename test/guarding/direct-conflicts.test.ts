import { Column, Entity, PrimaryColumn, type DataSource, type EntityManager } from "typeorm";
import { guardDataSource, isOptimisticLockError, RowVersion, type Conflict } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";

@Entity()
class Seat {
  @PrimaryColumn("int") id: number;
  @Column("varchar", { nullable: true }) guest: string | null;
  @Column("int", { default: 0 }) price: number;
  @RowVersion() version: number;
}

eachDatabase((scratch, database) => {
  let mine: DataSource;
  let theirs: DataSource;
  let seats: Seat[];

  beforeAll(async () => {
    theirs = await scratch().dataSource([Seat], { synchronize: true, dropSchema: true }).initialize();
    mine = await guardDataSource(scratch().dataSource([Seat])).initialize();
  });
  beforeEach(async () => {
    await theirs.manager.clear(Seat);
    await theirs.manager.insert(
      Seat,
      [1, 2, 3, 4, 5, 6].map((id) => ({ id, guest: null })),
    );
    seats = await mine.manager.find(Seat, { order: { id: "ASC" } });
  });
  const rows = async (): Promise<unknown[]> =>
    (await theirs.manager.find(Seat, { order: { id: "ASC" } })).map(({ guest, id, price, version }) =>
      [id, guest, price, version].join(),
    );
  const theyTake = (id: number): Promise<unknown> =>
    theirs.manager.update(Seat, id, { guest: "theirs", version: 2 });
  const conflictsOf = async (save: Promise<unknown>): Promise<readonly Conflict[]> => {
    const error: unknown = await save.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!isOptimisticLockError(error)) throw error ?? new Error("It was not refused.");
    return error.conflicts;
  };
  const told = (conflicts: readonly Conflict[]): unknown[] =>
    conflicts.map(({ actual, entity, expected, id, operation, reason }) => [
      id["id"],
      operation,
      reason,
      expected["version"],
      actual?.["version"],
      seats.indexOf(entity as Seat),
    ]);
  const change = (): void => seats.forEach((seat) => (seat.guest = `mine ${seat.id}`));

  it("reports of a list each row that was changed or is gone, and writes nothing", async () => {
    await theyTake(2);
    await theyTake(5);
    await theirs.manager.delete(Seat, 3);
    change();
    const before = await rows();
    expect(told(await conflictsOf(mine.manager.save(seats)))).toEqual([
      [2, "update", "modified", 1, 2, 1],
      [3, "update", "deleted", 1, undefined, 2],
      [5, "update", "modified", 1, 2, 4],
    ]);
    expect(await rows()).toEqual(before);
    expect(seats.map(({ version }) => version)).toEqual([1, 1, 1, 1, 1, 1]);
    const rest = seats.filter(({ id }) => ![2, 3, 5].includes(id));
    await mine.manager.save(rest);
    expect(await rows()).toEqual([
      "1,mine 1,0,2",
      "2,theirs,0,2",
      "4,mine 4,0,2",
      "5,theirs,0,2",
      "6,mine 6,0,2",
    ]);
  });

  it("reports of a list to remove each row that was changed or is gone, and removes nothing", async () => {
    await theyTake(2);
    await theirs.manager.delete(Seat, 6);
    const before = await rows();
    expect(told(await conflictsOf(mine.manager.remove(seats)))).toEqual([
      [2, "remove", "modified", 1, 2, 1],
      [6, "remove", "deleted", 1, undefined, 5],
    ]);
    expect(await rows()).toEqual(before);
    expect(seats.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]);
    await mine.manager.remove(seats.filter(({ id }) => id !== 2 && id !== 6));
    expect(await rows()).toEqual(["2,theirs,0,2"]);
  });

  it("keeps in a transaction of the caller's what else was done there", async () => {
    await theyTake(2);
    change();
    await mine.transaction(async (manager) => {
      await manager.update(Seat, 6, { price: 7 });
      expect(told(await conflictsOf(manager.save(seats.slice(0, 3))))).toEqual([
        [2, "update", "modified", 1, 2, 1],
      ]);
      await manager.save(seats[0]!);
    });
    expect(await rows()).toEqual(["1,mine 1,0,2", "2,theirs,0,2", "3,,0,1", "4,,0,1", "5,,0,1", "6,,7,2"]);
  });

  it("is undone in memory too by a rollback of the caller's transaction", async () => {
    change();
    const rollBack = mine.transaction(async (manager) => {
      await manager.save(seats);
      expect(seats.map(({ version }) => version)).toEqual([2, 2, 2, 2, 2, 2]);
      throw new Error("on second thoughts");
    });
    await expect(rollBack).rejects.toThrow("on second thoughts");
    expect(seats.map(({ version }) => version)).toEqual([1, 1, 1, 1, 1, 1]);
    await mine.manager.save(seats);
    expect(await rows()).toEqual(seats.map(({ id }) => `${id},mine ${id},0,2`));
  });

  it("leaves the entities as they were where the database fails in the middle", async () => {
    seats.forEach((seat) => (seat.price = 1));
    seats[5]!.guest = "mine";
    const queryRunner = mine.createQueryRunner();
    const statements: string[] = [];
    intercept(queryRunner.manager, async (sql) => {
      statements.push(sql);
      const updates = statements.filter((each) => each.startsWith("UPDATE"));
      if (sql.startsWith("UPDATE") && updates.length === 2) throw new Error("no more");
    });
    await expect(queryRunner.manager.save(seats)).rejects.toThrow("no more");
    await queryRunner.release();
    expect(statements.at(-1)).toBe("ROLLBACK");
    expect(await rows()).toEqual([1, 2, 3, 4, 5, 6].map((id) => `${id},,0,1`));
    expect(seats.map(({ version }) => version)).toEqual([1, 1, 1, 1, 1, 1]);
    restore(queryRunner.manager);
    await mine.manager.save(seats);
    expect(await rows()).toEqual([1, 2, 3, 4, 5, 6].map((id) => `${id},${id === 6 ? "mine" : ""},1,2`));
  });

  // Between the statements of a save in SQLite nobody else can write.
  const places = database === "sqlite" ? [0, 1] : [0, 1, 2, 3];
  it.each(places)("refuses a row that somebody else changes before statement %i of a save", async (place) => {
    change();
    // Two kinds of changes: two statements. Theirs is in the second one.
    seats[5]!.guest = null;
    seats[5]!.price = 1;
    const taken = place < 3 ? 6 : undefined;
    const queryRunner = mine.createQueryRunner();
    let sent = 0;
    intercept(queryRunner.manager, async (sql) => {
      if (sql.startsWith("SELECT")) return;
      if (sent++ === place && taken !== undefined) await theyTake(taken);
    });
    const save = queryRunner.manager.save(seats);
    if (taken === undefined) await save;
    else expect(told(await conflictsOf(save))).toEqual([[6, "update", "modified", 1, 2, 5]]);
    restore(queryRunner.manager);
    await queryRunner.release();
    expect(await rows()).toEqual(
      taken === undefined
        ? [1, 2, 3, 4, 5].map((id) => `${id},mine ${id},0,2`).concat("6,,1,2")
        : [1, 2, 3, 4, 5].map((id) => `${id},,0,1`).concat("6,theirs,0,2"),
    );
  });

  it("commits where a session's autocommit is off", async () => {
    if (database !== "mariadb") return;
    const manual = await guardDataSource(scratch().dataSource([Seat])).initialize();
    const { pool } = manual.driver as unknown as { pool: Pool };
    pool.on("acquire", (connection) => connection.query("SET autocommit = 0"));
    seats = await manual.manager.find(Seat, { order: { id: "ASC" } });
    const [first, second] = seats;
    first!.guest = "mine";
    await manual.manager.save(first!);
    await manual.manager.remove(second!);
    await theyTake(3);
    seats[2]!.guest = "mine";
    expect(told(await conflictsOf(manual.manager.save(seats[2]!)))).toHaveLength(1);
    expect(await rows()).toEqual(["1,mine,0,2", "3,theirs,0,2", "4,,0,1", "5,,0,1", "6,,0,1"]);
    await theirs.manager.update(Seat, 3, { guest: "free" });
    // What it has read holds on to the table.
    await manual.destroy();
  });

  it("waits for a writer who has not committed, and goes by what that has written", async () => {
    if (database === "sqlite") return;
    change();
    const other = theirs.createQueryRunner();
    await other.startTransaction();
    await other.manager.update(Seat, 4, { guest: "theirs", version: 2 });
    const save = conflictsOf(mine.manager.save(seats));
    const isWaiting = async (): Promise<boolean> => {
      const [{ count }] = (await theirs.query(
        database === "postgres"
          ? "SELECT count(*)::int AS count FROM pg_locks WHERE NOT granted"
          : // InnoDB looks anew when nobody has asked for a tenth of a second.
            "SELECT count(*) AS count FROM (SELECT SLEEP(0.15)) AS moment JOIN information_schema.innodb_lock_waits",
      )) as [{ count: number | string }];
      return Number(count) > 0;
    };
    while (!(await isWaiting()));
    await other.commitTransaction();
    await other.release();
    expect(told(await save)).toEqual([[4, "update", "modified", 1, 2, 3]]);
    expect(await rows()).toEqual(["1,,0,1", "2,,0,1", "3,,0,1", "4,theirs,0,2", "5,,0,1", "6,,0,1"]);
  });

  it.each([1, 6])(
    "gives %i rows to one of two who save them at once, and to the other a refusal",
    async (count) => {
      const twins = await mine.manager.find(Seat, { order: { id: "ASC" } });
      for (const [whose, list] of [
        ["one", seats],
        ["two", twins],
      ] as const)
        for (const seat of list) seat.guest = whose;
      const outcomes = await Promise.allSettled([
        mine.manager.save(seats.slice(0, count)),
        mine.manager.save(twins.slice(0, count)),
      ]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      const refused = outcomes.find((outcome) => outcome.status === "rejected");
      expect(isOptimisticLockError(refused?.reason)).toBe(true);
      const winner = outcomes[0].status === "fulfilled" ? "one" : "two";
      expect((await rows()).slice(0, count)).toEqual(
        seats.slice(0, count).map(({ id }) => `${id},${winner},0,2`),
      );
    },
  );
});

interface Pool {
  on(event: "acquire", listener: (connection: { query(sql: string): void }) => void): void;
}

type Query = (sql: string, ...others: unknown[]) => Promise<unknown>;

function intercept({ queryRunner }: EntityManager, before: (sql: string) => Promise<void>): void {
  const query = queryRunner!.query.bind(queryRunner) as Query;
  Object.assign(queryRunner!, {
    query: async (sql: string, ...others: unknown[]) => {
      await before(sql);
      return query(sql, ...others);
    },
  });
}

// SQLite has one query runner for everybody.
function restore({ queryRunner }: EntityManager): void {
  Reflect.deleteProperty(queryRunner!, "query");
}
