import { Column, DeleteDateColumn, Entity, PrimaryColumn, UpdateDateColumn, type DataSource } from "typeorm";
import { expectVersion, RowVersion } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { expectSame, openPair, outcomeOf, rowsOf, type Pair } from "./direct-support";

class Street {
  @Column({ type: "varchar", nullable: true }) name: string | null;
  @Column({ type: "int", nullable: true }) no: number | null;
}
class Address {
  @Column({ type: "varchar", nullable: true }) city: string | null;
  @Column(() => Street) street: Street | null;
  @Column({ type: "int", nullable: true, asExpression: "amount * 2", generatedType: "STORED" }) twice:
    number | null;
}
@Entity()
class Shape {
  @PrimaryColumn("int") id: number;
  @Column("int") amount: number;
  @Column(() => Address) address: Address | null;
  @Column({ type: "varchar", nullable: true, select: false }) hidden?: string | null;
  @Column({ type: "varchar", nullable: true, update: false }) fixed?: string | null;
  @Column({ type: "varchar", nullable: true, insert: false }) later?: string | null;
  @Column({ type: "varchar", length: 9, default: "dflt" }) defaulted: string;
  @Column({ type: "varchar", nullable: true, default: null }) other?: string | null;
  @DeleteDateColumn() deletedAt: Date | null;
  @UpdateDateColumn() updatedAt: Date;
  @RowVersion() version: number;
}
eachDatabase((scratch) => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await openPair(scratch(), [Shape]);
  });
  const shapes = async (ds: DataSource): Promise<Shape[]> => {
    for (const id of [1, 2, 3, 4]) {
      await ds.manager.insert(Shape, {
        id,
        amount: id,
        hidden: `h${id}`,
        fixed: "f",
        address: { city: "c", street: { name: "s", no: id } },
      });
    }
    return ds.manager.find(Shape, { order: { id: "ASC" } });
  };
  const edits: Record<string, (shape: Shape) => void> = {
    "a nested embedded": (s) => (s.address!.street!.name = "t"),
    "an embedded that is null": (s) => (s.address = null),
    "a nested embedded that is null": (s) => (s.address!.street = null),
    "an embedded that is gone and a value": (s) => ((s.address = undefined as never), (s.amount = 50)),
    "a computed column's source": (s) => (s.amount = 77),
    "a computed column": (s) => (s.address!.twice = 5),
    "a hidden value": (s) => (s.hidden = "new"),
    "a hidden value and another": (s) => ((s.hidden = "new"), (s.amount = 9)),
    "a fixed value alone": (s) => (s.fixed = "new"),
    "a fixed value and another": (s) => ((s.fixed = "new"), (s.amount = 9)),
    "a value that is not inserted": (s) => (s.later = "new"),
    "a removed property and another": (s) => (
      delete s.other,
      delete (s as Partial<Shape>).defaulted,
      (s.amount = 9)
    ),
    "the update date": (s) => (s.updatedAt = new Date("2001-02-03T04:05:06Z")),
    "the delete date": (s) => (s.deletedAt = new Date("2001-02-03T04:05:06Z")),
    "the version alone": (s) => (s.version = 7),
    "the version as text and a value": (s) => ((s.version = "1" as never), (s.amount = 9)),
    "a null that may not be": (s) => (s.amount = null as never),
    "an expected version": (s) => ((s.amount = 9), expectVersion(s, 1)),
    "a stale expected version": (s) => ((s.amount = 9), expectVersion(s, 5)),
    "an SQL expression": (s) => (s.amount = (() => "amount + 1") as never),
    "the key": (s) => (s.id += 10),
    "the key and a value": (s) => ((s.id += 10), (s.amount = 9)),
    "no key": (s) => (s.id = undefined as never),
    frozen: (s) => ((s.amount = 9), Object.freeze(s)),
    sealed: (s) => ((s.amount = 9), Object.seal(s)),
  };
  it.each(Object.keys(edits))(
    "edits %s, alone, in a list, without reload, in a transaction that is rolled back",
    (name) =>
      expectSame(pair, async (ds) => {
        const steps: unknown[] = [];
        for (const options of [undefined, { reload: false, listeners: false }]) {
          for (const how of ["one", "list", "rollback"]) {
            await ds.query("DELETE FROM shape");
            const list = await shapes(ds);
            edits[name]!(list[0]!);
            if (how !== "one") edits[name]!(list[2]!);
            const work = async (m = ds.manager) => {
              const saved = how === "one" ? await m.save(list[0]!, options) : await m.save(list, options);
              return saved === (how === "one" ? list[0] : list) ? "same" : "other";
            };
            const step = async () =>
              outcomeOf(async () => {
                if (how === "rollback") {
                  await ds.transaction(async (m) => {
                    await work(m);
                    throw new Error("undone");
                  });
                } else await work();
              });
            steps.push(
              options,
              how,
              await step(),
              list.map((s) => ({ ...s })),
              await rowsOf(ds, Shape),
            );
            if (!Object.isFrozen(list[0])) list[0]!.amount = 1000;
            steps.push(
              await outcomeOf(() => ds.manager.save(list)),
              list.map((s) => ({ ...s })),
              await rowsOf(ds, Shape),
            );
          }
        }
        return steps;
      }),
  );
  it("lists with the same object twice, two objects of one row, unchanged, new and deleted ones", () =>
    expectSame(pair, async (ds) => {
      const steps: unknown[] = [];
      const run = async (make: (list: Shape[]) => Promise<object[]>) => {
        await ds.query("DELETE FROM shape");
        const list = await shapes(ds);
        const given = await make(list);
        steps.push(
          await outcomeOf(() => ds.manager.save(given as Shape[])),
          given.map((s) => ({ ...s })),
          await rowsOf(ds, Shape),
        );
      };
      const twin = async (amount?: number, first?: number): Promise<void> =>
        run(async (l) => {
          const t = await ds.manager.findOneByOrFail(Shape, { id: 1 });
          if (amount !== undefined) t.amount = amount;
          if (first !== undefined) l[0]!.amount = first;
          return [l[0]!, t, l[1]!];
        });
      await twin(9);
      await twin(9, 9);
      await twin(9, 8);
      await run(async (l) => ((l[1]!.amount = 9), [l[1]!, Object.assign(new Shape(), { id: 8, amount: 1 })]));
      await run(async (l) => (await ds.query("DELETE FROM shape WHERE id = 2"), (l[0]!.amount = 9), l));
      await run(async (l) => (await ds.query("DELETE FROM shape WHERE id = 1"), (l[0]!.amount = 9), l));
      await run(async (l) => (await ds.query("DELETE FROM shape WHERE id = 1"), [l[0]!]));
      await run(async (l) => ((l[0]!.amount = 9), [structuredClone(l[0]!)]));
      await run(async (l) => [new Proxy(l[0]!, {}), Object.assign(l[1]!, { amount: 3 })]);
      return steps;
    }));
  it.each(["softRemove", "recover", "remove"] as const)("%s of one and many, changed and not", (method) =>
    expectSame(pair, async (ds) => {
      const steps: unknown[] = [];
      for (const [count, change] of [
        [1, false],
        [1, true],
        [4, false],
        [4, true],
      ] as const) {
        await ds.query("DELETE FROM shape");
        const list = (await shapes(ds)).slice(0, count);
        if (method === "recover") await ds.manager.softRemove(list);
        if (change) list[0]!.amount = 50;
        for (let i = 0; i < 2; i++)
          steps.push(
            await outcomeOf(() =>
              (ds.manager[method] as (list: Shape[]) => Promise<unknown>).call(ds.manager, list),
            ),
            list.map((s) => ({ ...s })),
            await rowsOf(ds, Shape),
          );
        list[0]!.amount = 51;
        steps.push(
          await outcomeOf(() => ds.manager.save(list)),
          list.map((s) => ({ ...s })),
          await rowsOf(ds, Shape),
        );
      }
      return steps;
    }),
  );
});
