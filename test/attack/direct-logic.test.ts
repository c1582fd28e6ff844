import {
  Column,
  Entity,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  UpdateDateColumn,
  Check,
  type Relation,
  type DataSource,
} from "typeorm";
import { ConcurrencyToken, RowVersion } from "typeorm-concurrency";
import { eachDatabase, typeormLine } from "../support/databases";
import { expectSame, openPair, outcomeOf, rowsOf, type Pair } from "./direct-support";

@Entity()
class Owner {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
}

@Entity()
class Pet {
  @PrimaryColumn("int") id: number;
  @Column({ type: "int", nullable: true }) ownerId: number | null;
  @ManyToOne(() => Owner, { nullable: true }) @JoinColumn({ name: "ownerId" }) owner?: Relation<Owner> | null;
  @RowVersion() version: number;
}

@Entity()
class Node {
  @PrimaryColumn("int") id: number;
  @ConcurrencyToken() @Column({ type: "varchar", nullable: true }) state: string | null;
  @Column({ type: "int", nullable: true }) parentId: number | null;
  @ManyToOne(() => Node, { nullable: true }) @JoinColumn({ name: "parentId" }) parent?: Relation<Node> | null;
  @RowVersion() version: number;
}

@Entity()
@Check(`"amount" >= 0`.replace(/"/g, ""))
class Purse {
  @PrimaryColumn("int") id: number;
  @Column("int") amount: number;
  @Column({ type: "varchar", nullable: true }) note: string | null;
  @Column({ type: "varchar", nullable: true }) label: string | null;
  @UpdateDateColumn() updatedAt: Date;
  @RowVersion() version: number;
}

const asMap = {
  to: (map: Map<string, unknown> | null) => map && Object.fromEntries(map),
  from: (o: object | null) => o && new Map(Object.entries(o)),
};
const asBig = {
  to: (v: bigint | null) => (v === null ? null : String(v)),
  from: (v: string | null) => (v === null ? null : BigInt(v)),
};
@Entity()
class Bag {
  @PrimaryColumn("int") id: number;
  @Column({ type: "simple-json", transformer: asMap, nullable: true }) tags: Map<string, unknown> | null;
  @Column({ type: "simple-json", transformer: asBig, nullable: true }) big: bigint | null;
  @Column({ type: "simple-json", nullable: true }) plain: unknown;
  @Column({ type: "json", transformer: asMap, nullable: true }) jtags: Map<string, unknown> | null;
  @RowVersion() version: number;
}
const make = <T extends object>(type: new () => T, values: Partial<T>): T =>
  Object.assign(new type(), values);

eachDatabase((scratch) => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await openPair(scratch(), [Owner, Pet, Node, Purse, Bag]);
  });

  it("a relation set again after its foreign key was written by its own property", () =>
    expectSame(pair, async (ds) => {
      for (const id of [1, 2]) await ds.manager.save(make(Owner, { id, name: `o${id}` }));
      await ds.manager.save(make(Pet, { id: 1, ownerId: 1 }));
      const pet = await ds.manager.findOneOrFail(Pet, { where: { id: 1 }, relations: { owner: true } });
      const first = pet.owner;
      delete pet.owner;
      pet.ownerId = 2;
      await ds.manager.save(pet);
      const between = await rowsOf(ds, Pet);
      pet.owner = first!;
      const out = await outcomeOf(() => ds.manager.save(pet));
      return { between, out, rows: await rowsOf(ds, Pet), pet };
    }));

  it.each([
    ["x", null],
    [null, "x"],
    ["x", "x"],
  ])("removes parent and child in one list, tokens %p and %p", (a, b) =>
    expectSame(pair, async (ds) => {
      await ds.manager.save(make(Node, { id: 5, state: a, parentId: null }));
      await ds.manager.save(make(Node, { id: 3, state: b, parentId: 5 }));
      await ds.manager.save(make(Node, { id: 8, state: b, parentId: 5 }));
      const nodes = await ds.manager.find(Node, { order: { id: "ASC" } });
      const [three, five, eight] = nodes;
      const one = await outcomeOf(() => ds.manager.remove([five, three, eight]));
      const rows = await rowsOf(ds, Node);
      const two = await outcomeOf(() => ds.manager.remove([five, three]));
      return { one, two, rows, rest: await rowsOf(ds, Node), nodes };
    }),
  );

  it("removes 1,200 rows of which the last refer to the first", () =>
    expectSame(pair, async (ds) => {
      const nodes = Array.from({ length: 1200 }, (_, index) =>
        make(Node, { id: 2000 - index, state: "x", parentId: null }),
      );
      await ds.manager.save(nodes, { chunk: 100 });
      for (const n of nodes) if (n.id < 900) n.parentId = 2000;
      await ds.manager.save(nodes);
      const one = await outcomeOf(() => ds.manager.remove(nodes));
      return { one, rest: (await ds.query(`SELECT count(*) AS n FROM node`))[0] };
    }));

  const changedPurses = async (ds: DataSource): Promise<Purse[]> => {
    for (const id of [1, 2, 3]) await ds.manager.save(make(Purse, { id, amount: id }));
    await ds.query(`UPDATE purse SET ${ds.driver.escape("updatedAt")} = '2001-01-01 00:00:00'`);
    const purses = await ds.manager.find(Purse, {
      select: { id: true, amount: true, note: true, updatedAt: true, version: true },
      order: { id: "ASC" },
    });
    purses[0]!.note = "n";
    purses[1]!.amount = 7;
    return purses;
  };
  it("entities of a list that fails in its middle", () =>
    expectSame(pair, async (ds) => {
      const purses = await changedPurses(ds);
      purses[2]!.amount = -1;
      const out = (await outcomeOf(() => ds.manager.save(purses))) as string;
      const after = purses.map((p) => ({ ...p }));
      purses[2]!.amount = 9;
      const two = await outcomeOf(() => ds.manager.save(purses));
      return { out: out.slice(0, 30), after, two, purses, rows: await rowsOf(ds, Purse) };
    }));
  it("entities of a list that is refused in its middle", () =>
    expectSame(pair, async (ds) => {
      const purses = await changedPurses(ds);
      await ds.query(`UPDATE purse SET version = 9 WHERE id = 2`);
      const out = await outcomeOf(() => ds.manager.save(purses));
      return { out, purses, rows: await rowsOf(ds, Purse) };
    }));

  it.each([
    ["a Map", (bag: Bag) => bag.tags!.set("b", 2)],
    ["another Map", (bag: Bag) => (bag.tags = new Map([["z", 1]]))],
    ["a bigint", (bag: Bag) => (bag.big = 7n)],
    ["the order of keys", (bag: Bag) => (bag.plain = { b: 2, a: 1 })],
    ["a Map as json", (bag: Bag) => (bag.jtags = new Map([["z", 1]]))],
  ])("changes %s behind a transformer", (_, change) =>
    expectSame(pair, async (ds) => {
      // TypeORM 0.3 compares what is behind the transformer itself, and cannot make JSON of a bigint.
      if (typeormLine === "0.3") return;
      await ds.manager.save(
        make(Bag, {
          id: 1,
          tags: new Map([["a", 1]]),
          big: 5n,
          plain: { a: 1, b: 2 },
          jtags: new Map([["a", 1]]),
        }),
      );
      const bag = await ds.manager.findOneByOrFail(Bag, { id: 1 });
      change(bag);
      const out = await outcomeOf(() => ds.manager.save(bag));
      return { out, bag, rows: await rowsOf(ds, Bag) };
    }),
  );
});
