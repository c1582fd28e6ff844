import { Column, Entity, Index, PrimaryColumn } from "typeorm";
import { ConcurrencyToken, RowVersion } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { expectSame, openPair, outcomeOf, rowsOf, type Pair } from "./direct-support";

@Entity({ name: "Select" })
class Odd {
  @PrimaryColumn("int", { name: "Group" }) id: number;
  @Column({ name: "column1", type: "varchar", nullable: true }) a: string | null;
  @Column({ name: "concurrency_value_0", type: "varchar", nullable: true }) b: string | null;
  @Column({ name: "ORDER by", type: "varchar", nullable: true }) c: string | null;
  @Column({ name: "concurrency_row", type: "varchar", nullable: true }) d: string | null;
  @RowVersion({ name: "Version" }) version: number;
}
@Entity()
class Unique {
  @PrimaryColumn("int") id: number;
  @Column("int") @Index({ unique: true }) place: number;
  @Column({ type: "varchar", nullable: true }) note: string | null;
  @RowVersion() version: number;
}
@Entity()
class Big {
  @PrimaryColumn("int") id: number;
  @ConcurrencyToken() @Column("text") token: string;
  @Column("int") n: number;
}

eachDatabase((scratch) => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await openPair(scratch(), [Odd, Unique, Big]);
  });
  it("names that are words of SQL or the library's own", () =>
    expectSame(pair, async (ds) => {
      for (const id of [1, 2, 3]) await ds.manager.insert(Odd, { id, a: "a" });
      const list = await ds.manager.find(Odd, { order: { id: "ASC" } });
      const steps: unknown[] = [];
      for (const property of ["a", "b", "c", "d"] as const) {
        list.forEach((one, i) => (one[property] = `${property}${i}`));
        steps.push(
          await outcomeOf(() => ds.manager.save(list[0]!)),
          await outcomeOf(() => ds.manager.save(list)),
          list.map((one) => ({ ...one })),
        );
      }
      steps.push(await rowsOf(ds, Odd, "Group"), await outcomeOf(() => ds.manager.remove(list)));
      return steps;
    }));
  it.each([
    [
      [1, 2, 3],
      [4, 1, 2],
    ],
    [
      [1, 2, 3],
      [2, 3, 1],
    ],
  ])("unique values that move along from %p to %p", (from, to) =>
    expectSame(pair, async (ds) => {
      await ds.manager.insert(
        Unique,
        from.map((v, i) => ({ id: [5, 2, 9][i]!, place: v })),
      );
      const list = await ds.manager.find(Unique);
      list.sort((a, b) => from.indexOf(a.place) - from.indexOf(b.place));
      list.forEach((one, i) => (one.place = to[i]!));
      const out = await outcomeOf(() => ds.manager.save(list));
      return {
        out: typeof out === "string" && out !== "done" ? out.slice(0, 20) : out,
        list,
        rows: await rowsOf(ds, Unique),
      };
    }),
  );
  it("rows of large tokens", () =>
    expectSame(pair, async (ds) => {
      const token = "x".repeat(100_000);
      for (let id = 1; id <= 200; id++) await ds.manager.insert(Big, { id, token: `${id}${token}`, n: 0 });
      const list = await ds.manager.find(Big, { order: { id: "ASC" } });
      for (const one of list) one.n = 1;
      return {
        out: await outcomeOf(() => ds.manager.save(list)),
        rest: await ds.query("SELECT n, count(*) AS c FROM big GROUP BY n"),
      };
    }));
});
