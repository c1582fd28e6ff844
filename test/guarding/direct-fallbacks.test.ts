import {
  AfterUpdate,
  Column,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  type DataSource,
  type EntitySubscriberInterface,
  type Relation,
} from "typeorm";
import { guardDataSource, RowVersion } from "typeorm-concurrency";
import { eachDatabase, QueryLog } from "../support/databases";

class Address {
  @Column({ default: "" }) street: string;
  @Column({ default: "" }) town: string;
}

@Entity()
class Label {
  @PrimaryColumn("int") id: number;
}

@Entity()
class Owner {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) name: string;
  @OneToMany(() => Thing, (thing) => thing.owner) things: Relation<Thing[]>;
  @RowVersion() version: number;
}

@Entity()
class Thing {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) name: string;
  @Column({ default: "", select: false }) secret: string;
  @Column("simple-json", { nullable: true }) settings: { sizes: number[] } | null;
  @Column("simple-array", { nullable: true }) colors: string[] | null;
  @Column({ type: Date, nullable: true }) madeAt: Date | null;
  @Column(() => Address) address: Address;
  @Column("int", { nullable: true }) ownerId: number | null;
  @ManyToOne(() => Owner, (owner) => owner.things, { nullable: true }) owner: Relation<Owner> | null;
  @ManyToMany(() => Label) @JoinTable() labels: Label[];
  @RowVersion() version: number;
}

@Entity()
class Heard {
  static heard = 0;
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) name: string;
  @RowVersion() version: number;
  @AfterUpdate() hear(): void {
    Heard.heard += 1;
  }
}

const entities = [Label, Owner, Thing, Heard];

eachDatabase((scratch, database) => {
  const log = new QueryLog();
  let mine: DataSource;
  let looker: DataSource;

  beforeAll(async () => {
    looker = await scratch().dataSource(entities, { synchronize: true, dropSchema: true }).initialize();
    mine = await guardDataSource(scratch().dataSource(entities, { logging: true, logger: log })).initialize();
  });
  beforeEach(async () => {
    const { manager } = looker;
    for (const table of ["thing_labels_label", "thing", "label", "owner", "heard"]) {
      await manager.query(`DELETE FROM ${table}`);
    }
    await manager.insert(Owner, [{ id: 1 }, { id: 2 }]);
    await manager.insert(Label, [{ id: 1 }, { id: 2 }]);
    await manager.insert(Heard, { id: 1 });
    await manager.insert(Thing, {
      id: 1,
      ...{ name: "thing", secret: "s", settings: { sizes: [1] }, colors: ["red"] },
      ...{ madeAt: new Date("2024-01-01T00:00:00Z"), address: { street: "a", town: "b" }, ownerId: 1 },
    });
    await manager.createQueryBuilder().relation(Thing, "labels").of(1).add(1);
  });

  const kinds = async (work: () => Promise<unknown>): Promise<string[]> =>
    (await log.during(work)).map((statement) => statement.split(" ")[0]!);
  const load = (...relations: ("labels" | "owner")[]): Promise<Thing> =>
    mine.manager.findOneOrFail(Thing, {
      where: { id: 1 },
      relations: Object.fromEntries(relations.map((relation) => [relation, true])),
    });
  const row = (): Promise<Thing | null> =>
    looker.manager.findOne(Thing, { where: { id: 1 }, relations: { owner: true, labels: true } });

  describe("sees what was edited in place", () => {
    const edits: Record<string, (thing: Thing) => unknown> = {
      "in JSON": (thing) => thing.settings!.sizes.push(2),
      "in an array": (thing) => (thing.colors![0] = "blue"),
      "in a Date": (thing) => thing.madeAt!.setFullYear(2020),
      "in an embedded object": (thing) => (thing.address.town = "elsewhere"),
      "to null": (thing) => (thing.settings = null),
      "to an equal value and something else": (thing) => {
        thing.settings = { sizes: [1] };
        thing.name = "other";
      },
    };
    it.each(Object.entries(edits))("%s", async (_, edit) => {
      const thing = await load();
      edit(thing);
      const statements = await log.during(() => mine.manager.save(thing));
      expect(statements).toEqual([expect.stringMatching(/^UPDATE /)]);
      // The column, and the version.
      expect(statements[0]!.split(" WHERE ")[0]!.split(",")).toHaveLength(2);
      const { labels, owner, ...columns } = (await row())!;
      expect([labels, owner]).toEqual([[{ id: 1 }], { id: 1, name: "", version: 1 }]);
      expect({ ...thing }).toEqual(columns);
    });
  });

  describe("asks the database first", () => {
    it("for an entity that was never loaded", async () => {
      const detached = mine.manager.create(Thing, { id: 1, name: "detached", version: 1 });
      expect(await kinds(() => mine.manager.save(detached))).toContain("SELECT");
      expect(await row()).toMatchObject({ name: "detached", version: 2, colors: ["red"] });
    });

    it("for a collection that it has not seen", async () => {
      const thing = await load();
      thing.labels = [Object.assign(new Label(), { id: 2 })];
      expect(await kinds(() => mine.manager.save(thing))).toContain("SELECT");
      expect((await row())!.labels).toEqual([{ id: 2 }]);
    });

    it("for a collection that has other members now", async () => {
      const thing = await load("labels");
      thing.labels.push(Object.assign(new Label(), { id: 2 }));
      expect(await kinds(() => mine.manager.save(thing))).toContain("SELECT");
      expect((await row())!.labels).toHaveLength(2);
    });

    it("for what was not selected, and has a value now", async () => {
      const thing = await load();
      thing.secret = "new";
      expect(await kinds(() => mine.manager.save(thing))).toContain("SELECT");
      expect(await looker.manager.findOneBy(Thing, { secret: "new" })).not.toBeNull();
    });

    it("where a subscriber is to be told what the row held", async () => {
      const told: unknown[] = [];
      const subscriber: EntitySubscriberInterface<Thing> = {
        listenTo: () => Thing,
        beforeUpdate: ({ databaseEntity }) => void told.push(databaseEntity.name),
      };
      mine.subscribers.push(subscriber);
      try {
        const thing = await load();
        thing.name = "told";
        expect(await kinds(() => mine.manager.save(thing))).toEqual(
          expect.arrayContaining(["SELECT", "UPDATE", "COMMIT"]),
        );
        expect(told).toEqual(["thing"]);
        const owner = await mine.manager.findOneByOrFail(Owner, { id: 1 });
        owner.name = "not told of";
        expect(await kinds(() => mine.manager.save(owner))).not.toContain("SELECT");
      } finally {
        mine.subscribers.splice(mine.subscribers.indexOf(subscriber), 1);
      }
    });
  });

  it("writes a relation that was loaded, without asking", async () => {
    const thing = await load("owner");
    thing.owner = (await mine.manager.findOneBy(Owner, { id: 2 }))!;
    const statements = await kinds(() => mine.manager.save(thing));
    // A session of MariaDB's may have autocommit turned off, and TypeORM's UPDATE would not be committed.
    expect(statements).toEqual(database === "mariadb" ? ["START", "UPDATE", "COMMIT"] : ["UPDATE"]);
    expect(await row()).toMatchObject({ ownerId: 2, version: 2 });
  });

  it("leaves a collection alone that was loaded and has the same members", async () => {
    const thing = await load("labels");
    thing.name = "same labels";
    expect(await kinds(() => mine.manager.save(thing))).not.toContain("SELECT");
    expect(await row()).toMatchObject({ name: "same labels", labels: [{ id: 1 }], version: 2 });
  });

  it("calls listeners, in a transaction that they can undo", async () => {
    Heard.heard = 0;
    const heard = await mine.manager.findOneByOrFail(Heard, { id: 1 });
    heard.name = "loud";
    expect(await kinds(() => mine.manager.save(heard))).toEqual([expect.anything(), "UPDATE", "COMMIT"]);
    expect(Heard.heard).toBe(1);
    heard.name = "silent";
    expect(await kinds(() => mine.manager.save(heard, { listeners: false }))).toEqual(["UPDATE"]);
    expect(Heard.heard).toBe(1);
  });

  it("tells those who are told of transactions of one", async () => {
    const told: string[] = [];
    const subscriber: EntitySubscriberInterface = {
      afterTransactionStart: () => void told.push("start"),
      afterTransactionCommit: () => void told.push("commit"),
    };
    mine.subscribers.push(subscriber);
    try {
      const thing = await load();
      thing.name = "told";
      await mine.manager.save(thing);
      expect(told).toEqual(["start", "commit"]);
    } finally {
      mine.subscribers.splice(mine.subscribers.indexOf(subscriber), 1);
    }
  });

  it("removes what has members in a junction table as a whole or not at all", async () => {
    const thing = await load("labels");
    await looker.manager.update(Thing, 1, { version: 2 });
    await mine.transaction(async (manager) => {
      await expect(manager.remove(thing)).rejects.toMatchObject({ conflicts: [{ reason: "modified" }] });
    });
    expect((await row())!.labels).toEqual([{ id: 1 }]);
    await mine.manager.remove(await load("labels"));
    expect(await row()).toBeNull();
    expect(await looker.query("SELECT * FROM thing_labels_label")).toEqual([]);
  });
});
