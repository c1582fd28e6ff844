import {
  ChildEntity,
  Column,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  TableInheritance,
  type DataSource,
  type EntityTarget,
  type ObjectLiteral,
  type Relation,
} from "typeorm";
import {
  clientWins,
  ConcurrencyToken,
  expectVersion,
  mergeChanges,
  OptimisticLocking,
  resolveConflicts,
  RowVersion,
  storeWins,
  updateExpecting,
  VersionedRelation,
  type ConflictValues,
} from "typeorm-concurrency";
import { openFresh, openSecond, refusalOf } from "../attack/support";
import { eachDatabase, type QueryLog } from "../support/databases";

@Entity()
class Owner {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
}

/** A foreign key that is a token and has no property of its own. */
@Entity()
class Parcel {
  @PrimaryColumn("int") id: number;
  @Column() note: string;
  @ConcurrencyToken() @ManyToOne(() => Owner, { nullable: true }) owner: Relation<Owner> | null;
}

/** A foreign key with a property of its own. */
@Entity()
class Crate {
  @PrimaryColumn("int") id: number;
  @Column() note: string;
  @Column("int", { nullable: true }) ownerId: number | null;
  @ManyToOne(() => Owner, { nullable: true }) @JoinColumn({ name: "ownerId" }) owner: Relation<Owner> | null;
  @RowVersion() version: number;
}

@Entity()
class Locker {
  @PrimaryColumn("int") id: number;
  @Column() note: string;
  @ManyToOne(() => Owner, { nullable: true, lazy: true }) owner: Promise<Owner | null>;
  @RowVersion() version: number;
}

@Entity()
class Seat {
  @PrimaryColumn("int") row: number;
  @PrimaryColumn() letter: string;
  @Column() note: string;
  @Column("int", { default: 0 }) price: number;
  @RowVersion() version: number;
}

@Entity()
class Profile {
  @PrimaryColumn("int") ownerId: number;
  @ManyToOne(() => Owner) @JoinColumn({ name: "ownerId" }) owner: Relation<Owner>;
  @Column() note: string;
  @Column("int", { default: 0 }) price: number;
  @RowVersion() version: number;
}

@Entity()
@TableInheritance({ column: { type: "varchar", name: "kind" } })
class Animal {
  @PrimaryColumn("int") id: number;
  @Column() note: string;
  @RowVersion() version: number;
}

@ChildEntity()
class Dog extends Animal {
  @Column("int", { default: 0 }) price: number;
}

@Entity()
class Offer {
  @PrimaryColumn("int") id: number;
  @Column() note: string;
  @ConcurrencyToken() @Column("int", { default: 0 }) price: number;
}

@Entity()
@OptimisticLocking({ compare: "all-columns" })
class Plan {
  @PrimaryColumn("int") id: number;
  @Column() note: string;
  @Column("int", { default: 0 }) price: number;
}

@Entity()
class Basket {
  @PrimaryColumn("int") id: number;
  @Column() note: string;
  @Column("int", { default: 0 }) price: number;
  @VersionedRelation()
  @OneToMany(() => Item, (item) => item.basket, { cascade: true })
  items: Relation<Item[]>;
  @RowVersion() version: number;
}

@Entity()
class Item {
  @PrimaryColumn("int") id: number;
  @Column() text: string;
  @ManyToOne(() => Basket, (basket) => basket.items) basket: Relation<Basket>;
}

const entities = [Owner, Parcel, Crate, Locker, Seat, Profile, Animal, Dog, Offer, Plan, Basket, Item];

eachDatabase((scratch) => {
  let mine: DataSource;
  let theirs: DataSource;
  let log: QueryLog;
  beforeAll(async () => {
    ({ dataSource: mine, log } = await openFresh(scratch(), entities));
    theirs = await openSecond(scratch(), entities);
    await mine.manager.insert(
      Owner,
      [1, 2, 3].map((id) => ({ id, name: `owner ${id}` })),
    );
  });
  let id = 0;
  beforeEach(() => (id += 1));

  const updateOf = async (entity: object): Promise<string> => {
    const statements = await log.during(() => mine.manager.save(entity));
    return statements.filter((statement) => statement.startsWith("UPDATE")).join("; ");
  };
  const valuesOf = async (error: unknown): Promise<ConflictValues<any>> => {
    let values: ConflictValues | undefined;
    await resolveConflicts(mine.manager, error, (all) => {
      values = all;
      throw new Error("only looking");
    }).catch(() => undefined);
    return values!;
  };

  describe.each<[string, EntityTarget<any>, () => ObjectLiteral, (price: string) => string]>([
    ["a composite key", Seat, () => ({ row: id, letter: "a" }), () => "version"],
    ["a key that is a foreign key", Profile, () => ({ ownerId: ((id - 1) % 3) + 1 }), () => "version"],
    ["a single table's child", Dog, () => ({ id }), () => "version"],
    ["a token beside ordinary columns", Offer, () => ({ id }), (price) => price],
    ["all columns compared", Plan, () => ({ id }), (price) => price],
  ])("an entity with %s", (_name, target, key, token) => {
    const load = (from: DataSource): Promise<any> => from.manager.findOneByOrFail(target, key());
    beforeEach(async () => {
      await mine.getRepository(target).clear();
      await mine.manager.save(mine.manager.create(target, { ...key(), note: "", price: 1 }));
    });

    it("is merged, and written under the condition that the row is as it was then", async () => {
      const entity = await load(mine);
      await theirs.manager.update(target, key(), { price: 2 });
      const error = await refusalOf(mine.manager.save(Object.assign(entity, { note: "mine" })));
      const { mine: changed, overlapping, theirs: others } = await valuesOf(error);
      expect([changed, others, overlapping]).toEqual([["note"], ["price"], []]);
      await resolveConflicts(mine.manager, error, mergeChanges());
      expect(entity).toMatchObject({ ...key(), note: "mine", price: 2 });

      await theirs.manager.update(target, key(), { price: 3 });
      const again = await refusalOf(mine.manager.save(entity));
      await resolveConflicts(mine.manager, again, mergeChanges());
      const update = await updateOf(entity);
      const [set = "", where = ""] = update.split("WHERE");
      expect(set).toContain("note");
      expect(set).not.toContain("price");
      expect(where).toContain(token("price"));
      expect(await load(theirs)).toMatchObject({ note: "mine", price: 3 });
    });

    it("is overwritten, or taken over", async () => {
      const [first, second] = [await load(mine), await load(mine)];
      await theirs.manager.update(target, key(), { price: 2 });
      const error = await refusalOf(mine.manager.save(Object.assign(first, { note: "mine" })));
      await resolveConflicts(mine.manager, error, clientWins());
      await mine.manager.save(first);
      expect(await load(theirs)).toMatchObject({ note: "mine", price: 1 });

      await theirs.manager.update(target, key(), { price: 7 });
      const another = await refusalOf(mine.manager.save(Object.assign(second, { note: "second" })));
      await resolveConflicts(mine.manager, another, storeWins());
      expect(second).toEqual(await load(theirs));
      expect(await updateOf(second)).toBe("");
    });
  });

  describe("a foreign key without a property", () => {
    const load = (from: DataSource, relations = {}): Promise<Parcel> =>
      from.manager.findOneOrFail(Parcel, { where: { id }, relations });
    const pass = (owner: { id: number } | null): Promise<unknown> =>
      theirs.manager.update(Parcel, { id }, { owner });
    beforeEach(() => mine.manager.save(mine.manager.create(Parcel, { id, note: "", owner: { id: 1 } })));

    it.each([
      [{ id: 2 }, { id: 2, name: "owner 2" }],
      [null, null],
    ])("that others have changed to %j is taken over with its entity", async (owner, expected) => {
      const parcel = await load(mine, { owner: true });
      await pass(owner);
      const error = await refusalOf(mine.manager.save(Object.assign(parcel, { note: "mine" })));
      const values = await valuesOf(error);
      expect([values.mine, values.theirs]).toEqual([["note"], ["owner"]]);
      expect([values.original.owner, values.database.owner]).toEqual([{ id: 1, name: "owner 1" }, expected]);
      await resolveConflicts(mine.manager, error, mergeChanges());
      expect(parcel.owner).toEqual(expected);
      if (expected !== null) expect(parcel.owner).toBeInstanceOf(Owner);
      expect(await updateOf(parcel)).not.toMatch(/SET.*owner.*WHERE/);
      expect(await load(theirs, { owner: true })).toMatchObject({ note: "mine", owner: expected });
    });

    it("is left alone where the relation was not loaded", async () => {
      const parcel = await load(mine);
      await pass({ id: 2 });
      const error = await refusalOf(mine.manager.save(Object.assign(parcel, { note: "mine" })));
      expect((await valuesOf(error)).theirs).toEqual(["owner"]);
      await resolveConflicts(mine.manager, error, clientWins());
      expect(parcel.owner).toBeUndefined();
      await mine.manager.save(parcel);
      expect(await load(theirs, { owner: true })).toMatchObject({ note: "mine", owner: { id: 2 } });
    });

    it("that both have changed is handed over with the entities", async () => {
      const parcel = await load(mine, { owner: true });
      const third = await mine.manager.findOneByOrFail(Owner, { id: 3 });
      await pass({ id: 2 });
      const error = await refusalOf(mine.manager.save(Object.assign(parcel, { owner: third })));
      await expect(resolveConflicts(mine.manager, error, mergeChanges())).rejects.toBe(error);
      const asked: unknown[] = [];
      const onOverlap = ({ property, original, current, database }: any): unknown => {
        asked.push(property, original, current, database);
        return current;
      };
      await resolveConflicts(mine.manager, error, mergeChanges({ onOverlap }));
      expect(asked).toEqual(["owner", { id: 1, name: "owner 1" }, third, { id: 2, name: "owner 2" }]);
      expect(parcel.owner).toBe(third);
      await mine.manager.save(parcel);
      expect((await load(theirs, { owner: true })).owner?.id).toBe(3);
    });

    it("that both have changed alike is no overlap", async () => {
      const parcel = await load(mine, { owner: true });
      await pass({ id: 2 });
      const error = await refusalOf(
        mine.manager.save(Object.assign(parcel, { note: "mine", owner: { id: 2 } })),
      );
      expect((await valuesOf(error)).overlapping).toEqual([]);
      await resolveConflicts(mine.manager, error, mergeChanges());
      await mine.manager.save(parcel);
      expect(await load(theirs, { owner: true })).toMatchObject({ note: "mine", owner: { id: 2 } });
    });
  });

  describe("a foreign key with a property", () => {
    const load = (from: DataSource, relations = {}): Promise<Crate> =>
      from.manager.findOneOrFail(Crate, { where: { id }, relations });
    beforeEach(() => mine.manager.save(mine.manager.create(Crate, { id, note: "", ownerId: 1 })));

    it("is taken over alone, or with the relation where that was loaded", async () => {
      for (const relations of [{}, { owner: true }]) {
        await theirs.manager.update(Crate, { id }, { ownerId: 1 });
        const crate = await load(mine, relations);
        await theirs.manager.update(Crate, { id }, { ownerId: 2 });
        const error = await refusalOf(mine.manager.save(Object.assign(crate, { note: crate.note + "x" })));
        expect((await valuesOf(error)).theirs).toEqual("owner" in relations ? ["owner"] : ["ownerId"]);
        await resolveConflicts(mine.manager, error, mergeChanges());
        expect(crate.ownerId).toBe(2);
        expect(crate.owner?.name).toBe("owner" in relations ? "owner 2" : undefined);
        await mine.manager.save(crate);
        expect(await load(theirs)).toMatchObject({ note: crate.note, ownerId: 2 });
      }
    });

    it("that I have changed is mine", async () => {
      const crate = await load(mine);
      await theirs.manager.update(Crate, { id }, { note: "theirs" });
      const error = await refusalOf(mine.manager.save(Object.assign(crate, { ownerId: 3 })));
      await resolveConflicts(mine.manager, error, mergeChanges());
      await mine.manager.save(crate);
      expect(await load(theirs)).toMatchObject({ note: "theirs", ownerId: 3 });
    });
  });

  describe("a lazy relation", () => {
    beforeEach(() => mine.manager.insert(Locker, { id, note: "", owner: { id: 1 } as never }));
    const load = (): Promise<Locker> => mine.manager.findOneByOrFail(Locker, { id });
    const pass = (): Promise<unknown> => theirs.manager.update(Locker, { id }, { owner: { id: 2 } as never });

    it("is not woken", async () => {
      const locker = await load();
      await pass();
      const error = await refusalOf(mine.manager.save(Object.assign(locker, { note: "mine" })));
      const statements = await log.during(() => resolveConflicts(mine.manager, error, storeWins()));
      expect(statements).toHaveLength(1);
      expect((await locker.owner)?.id).toBe(2);
    });

    it("is taken over once it was awaited", async () => {
      const locker = await load();
      await locker.owner;
      await pass();
      const error = await refusalOf(mine.manager.save(Object.assign(locker, { note: "mine" })));
      await resolveConflicts(mine.manager, error, mergeChanges());
      expect(await locker.owner).toMatchObject({ id: 2, name: "owner 2" });
      expect(await updateOf(locker)).not.toMatch(/SET.*owner.*WHERE/);
    });
  });

  describe("a version that a client has named", () => {
    const load = (from: DataSource): Promise<Seat> =>
      from.manager.findOneByOrFail(Seat, { row: id, letter: "z" });
    beforeEach(() =>
      mine.manager.save(mine.manager.create(Seat, { row: id, letter: "z", note: "", price: 1 })),
    );

    it.each<[string, (seat: Seat) => Seat]>([
      ["by expectVersion", (seat) => expectVersion(seat, 1)],
      ["in the property", (seat) => Object.assign(seat, { version: 1 })],
    ])(
      "%s, of an older state than was loaded, makes all that differs an overlap",
      async (_name, expecting) => {
        await theirs.manager.save(Object.assign(await load(theirs), { note: "theirs" }));
        const seat = expecting(await load(mine));
        Object.assign(seat, { note: "mine" });
        const error = await refusalOf(mine.manager.save(seat));
        const values = await valuesOf(error);
        expect(values.original).toBeUndefined();
        expect(values.overlapping).toEqual(["note"]);
        await expect(resolveConflicts(mine.manager, error, mergeChanges())).rejects.toBe(error);
        await resolveConflicts(mine.manager, error, clientWins());
        await mine.manager.save(seat);
        expect(await load(theirs)).toMatchObject({ note: "mine", price: 1, version: 3 });
      },
    );

    it("and that was loaded is merged, and expected no longer", async () => {
      const seat = expectVersion(await load(mine), 1);
      await theirs.manager.save(Object.assign(await load(theirs), { price: 5 }));
      const error = await refusalOf(mine.manager.save(Object.assign(seat, { note: "mine" })));
      expect(error.retryable).toBe(false);
      await resolveConflicts(mine.manager, error, mergeChanges());
      await mine.manager.save(seat);
      expect(await load(theirs)).toMatchObject({ note: "mine", price: 5, version: 3 });
    });

    it("without an object cannot be resolved", async () => {
      const error = await refusalOf(
        updateExpecting(mine.manager, Seat, { row: id, letter: "z" }, 7, { note: "mine" }),
      );
      await expect(resolveConflicts(mine.manager, error, clientWins())).rejects.toBe(error);
    });
  });

  it("refreshes the root of an aggregate, so that the member can be saved", async () => {
    await mine.manager.save(
      mine.manager.create(Basket, { id, note: "", items: [mine.manager.create(Item, { id, text: "" })] }),
    );
    const basket = await mine.manager.findOneOrFail(Basket, { where: { id }, relations: { items: true } });
    const item = basket.items[0] as Item;
    await theirs.manager.save(
      Object.assign(await theirs.manager.findOneByOrFail(Basket, { id }), { note: "theirs" }),
    );
    const error = await refusalOf(mine.manager.save(Object.assign(item, { text: "mine" })));
    expect(error.conflicts).toMatchObject([{ operation: "touch", entity: basket }]);
    await resolveConflicts(mine.manager, error, mergeChanges());
    expect(basket).toMatchObject({ note: "theirs", version: 2 });
    await mine.manager.save(item);
    expect(await theirs.manager.findOneBy(Item, { id })).toMatchObject({ text: "mine" });
    expect(await theirs.manager.findOneBy(Basket, { id })).toMatchObject({ version: 3 });
  });
});
