import {
  Column,
  Entity,
  EntitySchema,
  EventSubscriber,
  PrimaryColumn,
  type DataSource,
  type EntitySubscriberInterface,
} from "typeorm";
import {
  ConcurrencyToken,
  expectVersion,
  guardDataSource,
  isInvalidVersionError,
  isOptimisticLockError,
  removeExpecting,
  RowVersion,
  touch,
  unchecked,
  unguardDataSource,
  Unversioned,
  updateExpecting,
  verifyUnchanged,
  versionOf,
  type OptimisticLockError,
} from "typeorm-concurrency";
import { eachDatabase, QueryLog } from "../support/databases";

class Cents {
  constructor(readonly amount: number) {}
}

@Entity()
class Ticket {
  @PrimaryColumn("int") id: number;
  @Column() title: string;
  @Unversioned() @Column("int", { default: 0 }) views: number;
  @RowVersion() version: number;
}

@Entity()
class Offer {
  @PrimaryColumn() country: string;
  @PrimaryColumn("int") number: number;
  @Column() title: string;
  @ConcurrencyToken() @Column("varchar", { nullable: true }) state: string | null;
  @ConcurrencyToken() @Column({ type: Date }) validUntil: Date;
  @ConcurrencyToken()
  @Column("simple-json")
  terms: { days: number; nested: { flag: boolean } };
  @ConcurrencyToken()
  @Column("int", {
    transformer: {
      from: (value: number) => new Cents(value),
      to: (cents: Cents | number) => (cents instanceof Cents ? cents.amount : cents),
    },
  })
  price: Cents;
  @RowVersion() version: number;
}

const offerId = { country: "ÄT/ü", number: 0 };

const Schema = new EntitySchema<{ id: number; title: string; version: number }>({
  name: "Schema",
  columns: {
    id: { type: "int", primary: true },
    title: { type: String },
    version: { type: Number, version: true },
  },
});

@Entity()
class Plain {
  @PrimaryColumn("int") id: number;
  @Column() title: string;
}

const heard: string[] = [];

@EventSubscriber()
class Listener implements EntitySubscriberInterface {
  afterUpdate(): void {
    heard.push("update");
  }
}

const failure = <T = OptimisticLockError>(work: Promise<unknown>): Promise<T> =>
  work.then(
    () => Promise.reject(new Error("It went through.")),
    (error: unknown) => error as T,
  );

const refusal = async (work: Promise<unknown>): Promise<OptimisticLockError> => {
  const error = await failure(work);
  if (!isOptimisticLockError(error)) throw error as Error;
  return error;
};

const invalid: readonly unknown[] = [
  "",
  " ",
  "1.5",
  "abc",
  -1,
  1.5,
  NaN,
  null,
  undefined,
  {},
  [],
  true,
  "rv1.",
  "rv1.abc",
  "rv1.abc.def",
  "rv1.W1swLDFdXQ.AAAAAAAAAAAAAAAA",
  new Date(0),
];

eachDatabase((scratch) => {
  let dataSource: DataSource;
  const log = new QueryLog();

  beforeAll(async () => {
    dataSource = guardDataSource(
      scratch().dataSource([Ticket, Offer, Plain, Schema], {
        synchronize: true,
        logging: true,
        logger: log,
        subscribers: [Listener],
      }),
    );
    await dataSource.initialize();
  });
  beforeEach(async () => {
    await dataSource.manager.clear(Schema);
    await dataSource.manager.insert(Schema, { id: 1, title: "s" });
    for (const entity of [Ticket, Offer]) await dataSource.getRepository(entity).clear();
    await dataSource.manager.save([
      Object.assign(new Ticket(), { id: 1, title: "t" }),
      Object.assign(new Ticket(), { id: 2, title: "u" }),
    ]);
    await dataSource.manager.save(
      Object.assign(new Offer(), {
        ...offerId,
        title: "o",
        state: null,
        validUntil: new Date("2024-05-06T07:08:09.000Z"),
        terms: { days: 3, nested: { flag: true } },
        price: new Cents(5),
      }),
    );
    heard.length = 0;
  });

  const ticket = (id = 1): Promise<Ticket> => dataSource.manager.findOneByOrFail(Ticket, { id });
  const offer = (): Promise<Offer> => dataSource.manager.findOneByOrFail(Offer, offerId);
  const writeElsewhere = (): Promise<unknown> =>
    dataSource.manager.update(Ticket, { id: 1 }, { title: "theirs" });

  describe("versionOf", () => {
    it("fits into URLs, and comes back through expectVersion for every kind of token", async () => {
      const shown = versionOf(await offer());
      expect(shown).toMatch(/^[A-Za-z0-9._~-]+$/);
      const edited = Object.assign(await offer(), { title: "x" });
      await dataSource.manager.save(expectVersion(edited, shown));
      expect((await offer()).title).toBe("x");
      const error = await refusal(
        dataSource.manager.save(expectVersion(Object.assign(await offer(), { title: "y" }), shown)),
      );
      expect(error).toMatchObject({
        retryable: false,
        conflicts: [
          {
            expectedBy: "caller",
            reason: "modified",
            expected: {
              version: 1,
              state: null,
              price: { amount: 5 },
              terms: { days: 3, nested: { flag: true } },
            },
            actual: { version: 2 },
          },
        ],
      });
      expect(error.message).toContain("let them decide again");
      expect((await offer()).title).toBe("x");
    });

    it.each([
      ["state", { state: "sold" }],
      ["validUntil", { validUntil: new Date("2025-01-01T00:00:00.000Z") }],
      ["terms", { terms: { days: 4, nested: { flag: true } } }],
      ["price", { price: new Cents(6) }],
    ])("covers the token %s", async (_name, change) => {
      const shown = versionOf(await offer());
      await dataSource.query(`UPDATE offer SET version = version`);
      const changed = Object.assign(await offer(), change);
      await dataSource.manager.save(changed);
      // The version is turned back by somebody who knows nothing of it; the other token still tells.
      await dataSource.query("UPDATE offer SET version = 1");
      await refusal(
        dataSource.manager.save(expectVersion(Object.assign(await offer(), { title: "y" }), shown)),
      );
    });

    it("is another one after each write, and the same for the same row", async () => {
      const loaded = await ticket();
      const first = versionOf(loaded);
      expect(versionOf(await ticket())).toBe(first);
      await dataSource.manager.save(Object.assign(loaded, { title: "x" }));
      expect(versionOf(loaded)).not.toBe(first);
      expect(versionOf(loaded)).toBe(versionOf(await ticket()));
    });

    it("is an error for what has none", async () => {
      const plain = await dataSource.manager.save(Object.assign(new Plain(), { id: 1, title: "" }));
      for (const entity of [plain, new Ticket(), {}]) {
        expect(() => versionOf(entity)).toThrow(expect.objectContaining({ code: "GUARD_CONFIGURATION" }));
      }
      const partly = await dataSource.manager.findOneOrFail(Ticket, {
        select: { id: true },
        where: { id: 1 },
      });
      expect(() => versionOf(partly)).toThrow(
        expect.objectContaining({ code: "MISSING_TOKEN", missing: ["version"] }),
      );
    });
  });

  describe("expectVersion", () => {
    it.each([
      ["a number", 1],
      ["text from a form", "1"],
      ["a bigint", 1n],
    ])("takes the value of the row version: %s", async (_name, version) => {
      await dataSource.manager.save(expectVersion(Object.assign(await ticket(), { title: "x" }), version));
      expect((await ticket()).title).toBe("x");
      const error = await refusal(
        dataSource.manager.save(expectVersion(Object.assign(await ticket(), { title: "y" }), version)),
      );
      expect(error).toMatchObject({
        retryable: false,
        conflicts: [{ expected: { version: 1 }, actual: { version: 2 } }],
      });
    });

    it("counts for remove too, and until a write has found it so", async () => {
      await writeElsewhere();
      const loaded = expectVersion(await ticket(), 1);
      await dataSource.manager.save(loaded);
      await refusal(dataSource.manager.remove(loaded));
      await refusal(dataSource.manager.save(Object.assign(loaded, { title: "x" })));
      await dataSource.manager.save(expectVersion(loaded, 2));
      expect((await ticket()).title).toBe("x");
      await dataSource.manager.save(Object.assign(loaded, { title: "y" }));
      expect((await ticket()).title).toBe("y");
    });

    it("counts for an object that was built by hand, whose row must then exist", async () => {
      const built = Object.assign(new Ticket(), { id: 1, title: "x" });
      await dataSource.manager.save(expectVersion(built, 1));
      expect(built.version).toBe(2);
      const gone = expectVersion(Object.assign(new Ticket(), { id: 77, title: "x" }), 1);
      expect((await refusal(dataSource.manager.save(gone))).conflicts[0]).toMatchObject({
        reason: "deleted",
        expectedBy: "caller",
      });
      expect(await dataSource.manager.countBy(Ticket, { id: 77 })).toBe(0);
    });

    it("counts again after a rollback", async () => {
      const loaded = expectVersion(Object.assign(await ticket(), { title: "x" }), 1);
      await dataSource
        .transaction(async (manager) => {
          await manager.save(loaded);
          throw new Error("undo");
        })
        .catch(() => undefined);
      await writeElsewhere();
      expect(await refusal(dataSource.manager.save(loaded))).toMatchObject({
        retryable: false,
        conflicts: [{ expectedBy: "caller" }],
      });
    });

    it("names nothing of the other rows of a save, and makes it not retryable", async () => {
      const [one, two] = [await ticket(1), await ticket(2)];
      await dataSource.manager.createQueryBuilder().update(Ticket).set({ title: "theirs" }).execute();
      expectVersion(one, 1);
      const error = await refusal(
        dataSource.manager.save([Object.assign(one, { title: "x" }), Object.assign(two, { title: "y" })]),
      );
      expect(error.conflicts.map(({ expectedBy }) => expectedBy).sort()).toEqual(["caller", "load"]);
      expect(error.retryable).toBe(false);
    });

    it.each(invalid)("refuses what is no version: %p", async (version) => {
      const loaded = Object.assign(await ticket(), { title: "x" });
      expect(() => expectVersion(loaded, version)).toThrow(
        expect.objectContaining({ code: "INVALID_VERSION" }),
      );
      const built = expectVersion(Object.assign(new Ticket(), { id: 1, title: "x" }), version);
      expect(isInvalidVersionError(await failure(dataSource.manager.save(built)))).toBe(true);
      expect((await ticket()).title).toBe("t");
    });

    it("refuses the version of another row, of another entity, and one that was changed", async () => {
      const [one, two] = [await ticket(1), await ticket(2)];
      const shown = versionOf(one);
      const changed = shown.replace(/.(?=\.)/, (letter) => (letter === "A" ? "B" : "A"));
      for (const wrong of [
        versionOf(two),
        versionOf(await offer()),
        changed,
        shown.slice(0, -1),
        `${shown}x`,
        shown.toUpperCase(),
      ]) {
        expect(() => expectVersion(one, wrong)).toThrow(expect.objectContaining({ code: "INVALID_VERSION" }));
      }
    });
  });

  describe("updateExpecting", () => {
    it("writes in one UPDATE and gives the new version in the form of the old one", async () => {
      const statements = await log.during(async () => {
        expect(await updateExpecting(dataSource.manager, Ticket, 1, 1, { title: "x" })).toBe(2);
      });
      expect(statements.map((sql) => sql.split(" ")[0])).toEqual(["UPDATE"]);
      expect(await ticket()).toMatchObject({ title: "x", version: 2 });
      const shown = versionOf(await ticket());
      const next = await updateExpecting(dataSource.manager, Ticket, { id: 1 }, shown, { title: "y" });
      expect(next).toBe(versionOf(await ticket()));
      expect(heard).toEqual(["update", "update"]);
    });

    it("is refused when the row has another version, or is gone", async () => {
      await writeElsewhere();
      const error = await refusal(updateExpecting(dataSource.manager, Ticket, 1, 1, { title: "x" }));
      expect(error).toMatchObject({
        retryable: false,
        conflicts: [
          {
            operation: "update",
            expectedBy: "caller",
            reason: "modified",
            id: { id: 1 },
            expected: { version: 1 },
            actual: { version: 2 },
          },
        ],
      });
      expect(await ticket()).toMatchObject({ title: "theirs", version: 2 });
      const gone = await refusal(updateExpecting(dataSource.manager, Ticket, 77, 1, { title: "x" }));
      expect(gone.conflicts[0]).toMatchObject({ reason: "deleted", actual: null });
    });

    it("works by a composite key and all tokens", async () => {
      const shown = versionOf(await offer());
      const next = await updateExpecting(dataSource.manager, Offer, offerId, shown, {
        title: "x",
        price: new Cents(6) as never,
        validUntil: new Date("2025-01-01T00:00:00.000Z"),
      });
      expect(next).toBe(versionOf(await offer()));
      await refusal(updateExpecting(dataSource.manager, Offer, offerId, shown, { title: "y" }));
      expect((await offer()).title).toBe("x");
    });

    it("takes part in the caller's transaction", async () => {
      await dataSource
        .transaction(async (manager) => {
          await updateExpecting(manager, Ticket, 1, 1, { title: "undone" });
          await refusal(updateExpecting(manager, Ticket, 1, 1, { title: "again" }));
          throw new Error("undo");
        })
        .catch(() => undefined);
      expect(await ticket()).toMatchObject({ title: "t", version: 1 });
    });

    it("lets one of many through", async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 10 }, (_, index) =>
          updateExpecting(dataSource.manager, Ticket, 1, 1, { title: `${index}` }),
        ),
      );
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect((await ticket()).version).toBe(2);
    });

    it.each(invalid)("refuses what is no version: %p", async (version) => {
      expect(
        isInvalidVersionError(
          await failure(updateExpecting(dataSource.manager, Ticket, 1, version, { title: "x" })),
        ),
      ).toBe(true);
      expect(
        isInvalidVersionError(await failure(removeExpecting(dataSource.manager, Ticket, 1, version))),
      ).toBe(true);
      expect((await ticket()).title).toBe("t");
    });

    it("refuses an incomplete key and an entity without tokens", async () => {
      for (const work of [
        () => updateExpecting(dataSource.manager, Offer, { number: 0 }, 1, { title: "x" }),
        () => updateExpecting(dataSource.manager, Ticket, undefined, 1, { title: "x" }),
        () => updateExpecting(dataSource.manager, Plain, 1, 1, { title: "x" }),
        () => removeExpecting(dataSource.manager, Plain, 1, 1),
      ]) {
        expect(await failure(work())).toMatchObject({ code: "UNCHECKED_WRITE" });
      }
    });

    it("with unversioned columns alone checks, raises nothing and gives back the same version", async () => {
      const statements = await log.during(async () => {
        expect(await updateExpecting(dataSource.manager, Ticket, 1, 1, { views: 7 })).toBe(1);
      });
      expect(statements.map((sql) => sql.split(" ")[0])).toEqual(["UPDATE"]);
      expect(await ticket()).toMatchObject({ views: 7, version: 1 });
      await writeElsewhere();
      await refusal(updateExpecting(dataSource.manager, Ticket, 1, 1, { views: 8 }));
    });

    it("never lets the patch set the version", async () => {
      expect(await updateExpecting(dataSource.manager, Ticket, 1, 1, { title: "x", version: 50 })).toBe(2);
      expect((await ticket()).version).toBe(2);
    });
  });

  describe("removeExpecting", () => {
    it("deletes the row with the expected version only", async () => {
      await writeElsewhere();
      const error = await refusal(removeExpecting(dataSource.manager, Ticket, 1, 1));
      expect(error).toMatchObject({
        retryable: false,
        conflicts: [{ operation: "remove", reason: "modified" }],
      });
      expect(await dataSource.manager.count(Ticket)).toBe(2);
      await removeExpecting(dataSource.manager, Ticket, 1, versionOf(await ticket()));
      expect(await dataSource.manager.count(Ticket)).toBe(1);
      expect((await refusal(removeExpecting(dataSource.manager, Ticket, 1, 2))).conflicts[0]?.reason).toBe(
        "deleted",
      );
    });
  });

  describe("touch", () => {
    it("raises the version alone, in the entity too, and keeps its edits", async () => {
      const [loaded, other] = [await ticket(), await ticket()];
      Object.assign(loaded, { title: "edited" });
      expect(await touch(dataSource.manager, loaded)).toBe(loaded);
      expect(loaded.version).toBe(2);
      expect(await ticket()).toMatchObject({ title: "t", version: 2 });
      await refusal(dataSource.manager.save(Object.assign(other, { title: "x" })));
      await dataSource.manager.save(loaded);
      expect(await ticket()).toMatchObject({ title: "edited", version: 3 });
    });

    it("is refused for a stale entity, or one whose row is gone", async () => {
      const stale = await ticket();
      await writeElsewhere();
      expect((await refusal(touch(dataSource.manager, stale))).conflicts[0]).toMatchObject({
        operation: "touch",
        entity: stale,
      });
      expect(stale.version).toBe(1);
      await dataSource.manager.delete(Ticket, { id: 1 });
      expect((await refusal(touch(dataSource.manager, stale))).conflicts[0]?.reason).toBe("deleted");
    });

    it("takes entities of an EntitySchema, and so does verifyUnchanged", async () => {
      const entity = await dataSource.manager.findOneByOrFail(Schema, { id: 1 });
      await touch(dataSource.manager, entity);
      expect(entity.version).toBe(2);
      await verifyUnchanged(dataSource.manager, entity);
      await dataSource.manager.update(Schema, { id: 1 }, { title: "theirs" });
      await refusal(touch(dataSource.manager, entity));
      await refusal(verifyUnchanged(dataSource.manager, entity));
    });

    it("is undone in memory with its transaction", async () => {
      const loaded = await ticket();
      await dataSource
        .transaction(async (manager) => {
          await touch(manager, loaded);
          expect(loaded.version).toBe(2);
          throw new Error("undo");
        })
        .catch(() => undefined);
      expect([loaded.version, (await ticket()).version]).toEqual([1, 1]);
      await dataSource.manager.save(Object.assign(loaded, { title: "x" }));
    });

    it("is an error for what cannot be touched", async () => {
      expect(await failure(touch(dataSource.manager, new Ticket()))).toMatchObject({
        code: "UNCHECKED_WRITE",
      });
      expect(await failure(touch(dataSource.manager, Object.assign(new Plain(), { id: 1 })))).toMatchObject({
        code: "UNCHECKED_WRITE",
      });
      const partly = await dataSource.manager.findOneOrFail(Ticket, {
        select: { id: true },
        where: { id: 1 },
      });
      expect(await failure(touch(dataSource.manager, partly))).toMatchObject({ code: "MISSING_TOKEN" });
    });
  });

  describe("verifyUnchanged", () => {
    it("lets pass what is as it was read", async () => {
      const [one, two] = [await ticket(1), await ticket(2)];
      await verifyUnchanged(dataSource.manager, [one, two]);
      await dataSource.transaction(async (manager) => {
        await verifyUnchanged(manager, one);
        await manager.save(Object.assign(two, { title: "x" }));
        // What the transaction itself writes is no conflict.
        await manager.save(Object.assign(one, { title: "y" }));
      });
      expect([(await ticket(1)).title, (await ticket(2)).title]).toEqual(["y", "x"]);
    });

    it("refuses at once what has changed already, with every conflict", async () => {
      const [one, two] = [await ticket(1), await ticket(2)];
      await dataSource.manager.createQueryBuilder().update(Ticket).set({ title: "theirs" }).execute();
      await dataSource.manager.delete(Ticket, { id: 2 });
      const error = await refusal(verifyUnchanged(dataSource.manager, [one, two]));
      expect(error.conflicts.map(({ operation, reason }) => [operation, reason])).toEqual([
        ["verify", "modified"],
        ["verify", "deleted"],
      ]);
    });

    it("forgets about it when the transaction is rolled back", async () => {
      const one = await ticket(1);
      const queryRunner = dataSource.createQueryRunner();
      await queryRunner.startTransaction();
      await verifyUnchanged(queryRunner.manager, one);
      await queryRunner.rollbackTransaction();
      await writeElsewhere();
      await queryRunner.startTransaction();
      await queryRunner.manager.update(Ticket, { id: 2 }, { title: "x" });
      await queryRunner.commitTransaction();
      await queryRunner.release();
      expect((await ticket(2)).title).toBe("x");
    });

    it("is an error for what cannot be verified", async () => {
      expect(await failure(verifyUnchanged(dataSource.manager, new Ticket()))).toMatchObject({
        code: "UNCHECKED_WRITE",
      });
      expect(
        await failure(verifyUnchanged(dataSource.manager, Object.assign(new Plain(), { id: 1 }))),
      ).toMatchObject({ code: "UNCHECKED_WRITE" });
    });
  });

  describe("unchecked", () => {
    it("writes whatever the row holds, and still raises the version", async () => {
      const stale = await ticket();
      await writeElsewhere();
      await dataSource.manager.save(Object.assign(stale, { title: "mine" }), unchecked());
      expect(stale.version).toBe(3);
      expect(await ticket()).toMatchObject({ title: "mine", version: 3 });
      await dataSource.manager.save(Object.assign(stale, { title: "next" }));
    });

    it("removes whatever the row holds, and what is gone already", async () => {
      const [one, two] = [await ticket(1), await ticket(2)];
      await writeElsewhere();
      await dataSource.manager.delete(Ticket, { id: 2 });
      await dataSource.manager.remove([one, two], unchecked());
      expect(await dataSource.manager.count(Ticket)).toBe(0);
    });

    it("inserts a row that is gone again, under a version that no older copy has", async () => {
      const [one, copy] = [await ticket(1), await ticket(1)];
      await dataSource.manager.delete(Ticket, { id: 1 });
      await dataSource.manager.save(Object.assign(one, { title: "again" }), unchecked());
      expect([one.version, (await ticket()).version]).toEqual([2, 2]);
      await refusal(dataSource.manager.save(Object.assign(copy, { title: "stale" })));
      await dataSource.manager.remove(one);
      const copyOfRemoved = Object.assign(new Ticket(), { id: 1, version: 2 });
      await dataSource.manager.save(Object.assign(one, { id: 1, title: "once more" }));
      expect([one.version, (await ticket()).version]).toEqual([3, 3]);
      await refusal(dataSource.manager.save(Object.assign(copyOfRemoved, { title: "stale" })));
      await dataSource.manager.save(Object.assign(one, { title: "mine" }));
    });

    it("is for one save only, and keeps other options", async () => {
      const stale = await ticket();
      await writeElsewhere();
      expect(unchecked({ chunk: 3, data: { a: 1 } })).toMatchObject({ chunk: 3, data: { a: 1 } });
      await dataSource.manager.save(Object.assign(stale, { title: "mine" }), {
        ...unchecked(),
        listeners: false,
      });
      await writeElsewhere();
      await refusal(dataSource.manager.save(Object.assign(stale, { title: "again" })));
    });
  });

  it("is an error on a DataSource that is not guarded", async () => {
    const bare = guardDataSource(scratch().dataSource([Ticket]));
    await bare.initialize();
    unguardDataSource(bare);
    const loaded = await ticket();
    for (const work of [
      () => updateExpecting(bare.manager, Ticket, 1, 1, {}),
      () => removeExpecting(bare.manager, Ticket, 1, 1),
      () => touch(bare.manager, loaded),
      () => verifyUnchanged(bare.manager, loaded),
    ]) {
      expect(await failure(work())).toMatchObject({ code: "GUARD_CONFIGURATION" });
    }
  });
});

// SQLite's one connection cannot be written to by somebody else in the middle of a transaction.
eachDatabase(
  (scratch) => {
    it("verifyUnchanged refuses the commit when a row has changed after it was verified", async () => {
      const dataSource = guardDataSource(scratch().dataSource([Ticket], { synchronize: true }));
      await dataSource.initialize();
      await dataSource.manager.save([
        Object.assign(new Ticket(), { id: 1, title: "price" }),
        Object.assign(new Ticket(), { id: 2, title: "order" }),
      ]);
      const error = await refusal(
        dataSource.transaction(async (manager) => {
          const price = await manager.findOneByOrFail(Ticket, { id: 1 });
          const order = await manager.findOneByOrFail(Ticket, { id: 2 });
          await verifyUnchanged(manager, price);
          await dataSource.manager.update(Ticket, { id: 1 }, { title: "another price" });
          await manager.save(Object.assign(order, { title: "made at the old price" }));
        }),
      );
      expect(error).toMatchObject({ retryable: true, conflicts: [{ operation: "verify", id: { id: 1 } }] });
      expect((await dataSource.manager.findOneByOrFail(Ticket, { id: 2 })).title).toBe("order");
    });

    it("of two transactions that verify what the other one writes, one is refused", async () => {
      const dataSource = guardDataSource(
        scratch().dataSource([Ticket], { synchronize: true, dropSchema: true }),
      );
      await dataSource.initialize();
      await dataSource.manager.save([
        Object.assign(new Ticket(), { id: 1, title: "on call" }),
        Object.assign(new Ticket(), { id: 2, title: "on call" }),
      ]);
      const goHome = (own: number, other: number): Promise<void> =>
        dataSource.transaction(async (manager) => {
          const [mine, theirs] = [
            await manager.findOneByOrFail(Ticket, { id: own }),
            await manager.findOneByOrFail(Ticket, { id: other }),
          ];
          if (theirs.title !== "on call") return;
          await verifyUnchanged(manager, theirs);
          await manager.save(Object.assign(mine, { title: "at home" }));
        });
      const outcomes = await Promise.allSettled([goHome(1, 2), goHome(2, 1)]);
      expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(0);
      expect(await dataSource.manager.countBy(Ticket, { title: "on call" })).toBeGreaterThan(0);
    });
  },
  ["postgres", "mariadb"],
);
