import {
  Column,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
  JoinColumn,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type DataSource,
  type Relation,
} from "typeorm";
import {
  guardDataSource,
  isOptimisticLockError,
  RowVersion,
  VersionedRelation,
  withoutRoots,
  type OptimisticLockError,
} from "typeorm-concurrency";
import { eachDatabase, QueryLog } from "../support/databases";

@Entity()
class Order {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) note: string;
  @RowVersion() version: number;
  @VersionedRelation()
  @OneToMany(() => OrderLine, (line) => line.order, { cascade: true })
  lines: Relation<OrderLine[]>;
  @VersionedRelation()
  @OneToOne(() => Receipt, (receipt) => receipt.order, { cascade: true })
  receipt: Relation<Receipt> | null;
  /** With its foreign key in the root itself. */
  @VersionedRelation()
  @OneToOne(() => Address, { cascade: true, nullable: true })
  @JoinColumn()
  address: Relation<Address> | null;
  @VersionedRelation() @ManyToMany(() => Label, { cascade: true }) @JoinTable() labels: Relation<Label[]>;
  /** The same shape, and no part of the aggregate. */
  @OneToMany(() => Remark, (remark) => remark.order, { cascade: true }) remarks: Relation<Remark[]>;
}

/** A member without a token of its own. */
@Entity()
class OrderLine {
  @PrimaryGeneratedColumn() id: number;
  @Column() text: string;
  @ManyToOne(() => Order, (order) => order.lines, {
    nullable: false,
    onDelete: "CASCADE",
    orphanedRowAction: "delete",
  })
  order: Relation<Order>;
  @OneToMany(() => LineDetail, (detail) => detail.line, { cascade: true }) details: Relation<LineDetail[]>;
}

@Entity()
class LineDetail {
  @PrimaryGeneratedColumn() id: number;
  @Column() text: string;
  @ManyToOne(() => OrderLine, (line) => line.details, { onDelete: "CASCADE" }) line: Relation<OrderLine>;
}

@Entity()
class Receipt {
  @PrimaryGeneratedColumn() id: number;
  @Column() text: string;
  @RowVersion() version: number;
  @OneToOne(() => Order, (order) => order.receipt, { nullable: true, onDelete: "CASCADE" })
  @JoinColumn()
  order: Relation<Order> | null;
}

@Entity()
class Address {
  @PrimaryGeneratedColumn() id: number;
  @Column() street: string;
}

@Entity()
class Label {
  @PrimaryColumn() name: string;
  @Column({ default: "" }) colour: string;
}

@Entity()
class Remark {
  @PrimaryGeneratedColumn() id: number;
  @Column() text: string;
  @ManyToOne(() => Order, (order) => order.remarks, { nullable: true, onDelete: "CASCADE" })
  order: Relation<Order> | null;
}

/** Shares its members with others. */
@Entity()
class Club {
  @PrimaryColumn("int") id: number;
  @RowVersion() version: number;
  @VersionedRelation() @ManyToMany(() => Label) @JoinTable() labels: Relation<Label[]>;
}

@Entity()
class Company {
  @PrimaryColumn("int") id: number;
  @RowVersion() version: number;
  @VersionedRelation() @OneToMany(() => Team, (team) => team.company, { cascade: true }) teams: Relation<
    Team[]
  >;
}

@Entity()
class Team {
  @PrimaryColumn("int") id: number;
  @RowVersion() version: number;
  @ManyToOne(() => Company, (company) => company.teams) company: Relation<Company>;
  @VersionedRelation() @OneToMany(() => Player, (player) => player.team, { cascade: true }) players: Relation<
    Player[]
  >;
}

@Entity()
class Player {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) name: string;
  @ManyToOne(() => Team, (team) => team.players) team: Relation<Team>;
}

const entities = [Club, Company, Team, Player, Order, OrderLine, LineDetail, Receipt, Label, Remark, Address];
const everything = { lines: true, receipt: true, address: true, labels: true, remarks: true };

const refusal = (work: Promise<unknown>): Promise<OptimisticLockError> =>
  work.then(
    () => Promise.reject(new Error("It was not refused.")),
    (error: unknown) => {
      if (!isOptimisticLockError(error)) throw error;
      return error;
    },
  );

const line = (text: string): OrderLine => Object.assign(new OrderLine(), { text });

eachDatabase((scratch) => {
  let dataSource: DataSource;
  const log = new QueryLog();

  beforeAll(async () => {
    dataSource = guardDataSource(
      scratch().dataSource(entities, { synchronize: true, logging: true, logger: log }),
    );
    await dataSource.initialize();
  });
  beforeEach(async () => {
    for (const entity of [LineDetail, OrderLine, Receipt, Remark])
      await dataSource.manager.createQueryBuilder().delete().from(entity).execute();
    await dataSource.manager.createQueryBuilder().delete().from("order_labels_label").execute();
    await dataSource.manager.createQueryBuilder().delete().from(Order).execute();
    await dataSource.manager.createQueryBuilder().delete().from(Label).execute();
    for (const id of [1, 2]) {
      const address = await dataSource.manager.save(Object.assign(new Address(), { street: "s" }));
      await dataSource.manager.save(
        Object.assign(new Order(), {
          id,
          lines: [line(`${id}a`), line(`${id}b`)],
          receipt: Object.assign(new Receipt(), { text: "r" }),
          address,
          labels: [Object.assign(new Label(), { name: `l${id}` })],
          remarks: [Object.assign(new Remark(), { text: "m" })],
        }),
      );
    }
  });

  const load = (id = 1): Promise<Order> =>
    dataSource.manager.findOneOrFail(Order, { where: { id }, relations: everything });
  const versionOfRow = async (id = 1): Promise<number> =>
    (await dataSource.manager.findOneByOrFail(Order, { id })).version;
  const texts = async (id = 1): Promise<string[]> => (await load(id)).lines.map(({ text }) => text).sort();

  const changes: readonly (readonly [string, (order: Order) => unknown])[] = [
    ["a line is added", (order) => order.lines.push(line("new"))],
    ["a line is removed", (order) => order.lines.pop()],
    ["a line is changed", (order) => Object.assign(order.lines[0] as OrderLine, { text: "edited" })],
    ["the receipt is changed", (order) => Object.assign(order.receipt as Receipt, { text: "edited" })],
    ["the address is changed", (order) => Object.assign(order.address as Address, { street: "edited" })],
    ["the receipt is removed", (order) => (order.receipt = null)],
    ["a label is added", (order) => order.labels.push(Object.assign(new Label(), { name: "new" }))],
    ["a label is removed", (order) => order.labels.pop()],
    ["a label is changed", (order) => Object.assign(order.labels[0] as Label, { colour: "red" })],
    [
      "all of it is changed, and the root too",
      (order) => {
        order.note = "edited";
        order.lines.push(line("new"), line("newer"));
        order.labels.pop();
        Object.assign(order.receipt as Receipt, { text: "edited" });
      },
    ],
  ];

  describe.each(changes)("a save through the root in which %s", (_name, change) => {
    it("raises the root once, and the object can be saved again and again", async () => {
      const order = await load();
      change(order);
      await dataSource.manager.save(order);
      expect([order.version, await versionOfRow()]).toEqual([2, 2]);
      await dataSource.manager.save(Object.assign(order, { note: "again" }));
      expect([order.version, await versionOfRow()]).toEqual([3, 3]);
    });

    it("is refused as a whole when the root was changed meanwhile", async () => {
      const order = await load();
      await dataSource.manager.save(Object.assign(await load(), { note: "theirs" }));
      const before = await load();
      change(order);
      const error = await refusal(dataSource.manager.save(order));
      expect(error.conflicts).toHaveLength(1);
      expect(error).toMatchObject({
        retryable: true,
        conflicts: [
          {
            entityName: "Order",
            id: { id: 1 },
            reason: "modified",
            expected: { version: 1 },
            actual: { version: 2 },
          },
        ],
      });
      expect(await load()).toEqual(before);
    });

    it("makes an older copy of the root stale", async () => {
      const [first, second] = [await load(), await load()];
      change(first);
      await dataSource.manager.save(first);
      await refusal(dataSource.manager.save(Object.assign(second, { note: "late" })));
      await refusal(dataSource.manager.remove(second));
    });

    it("leaves nothing behind in an open transaction when it is refused", async () => {
      const order = await load();
      await dataSource.manager.update(Order, { id: 1 }, { note: "theirs" });
      const before = await load();
      change(order);
      await dataSource.transaction(async (manager) => {
        await refusal(manager.save(order));
      });
      expect(await load()).toEqual(before);
      expect(order.version).toBe(1);
    });

    it("raises nothing when its members do not concern the root", async () => {
      const order = await load();
      const isOwnChange = _name.includes("root too");
      change(order);
      await dataSource.manager.save(order, withoutRoots());
      expect(await versionOfRow()).toBe(isOwnChange ? 2 : 1);
    });
  });

  const memberWrites: readonly (readonly [string, (order: Order) => Promise<unknown>])[] = [
    [
      "a line that was loaded with its root is saved",
      (order) => dataSource.manager.save(Object.assign(order.lines[0] as OrderLine, { text: "alone" })),
    ],
    ["a line that was loaded with its root is removed", (order) => dataSource.manager.remove(order.lines[0])],
    [
      "lines that were loaded with their root are saved together",
      (order) => dataSource.manager.save(order.lines.map((each) => Object.assign(each, { text: "both" }))),
    ],
    [
      "a new line that names its root is saved",
      (order) => dataSource.manager.save(Object.assign(line("new"), { order })),
    ],
    [
      "the receipt is saved",
      (order) => dataSource.manager.save(Object.assign(order.receipt as Receipt, { text: "alone" })),
    ],
    [
      "a label is saved",
      (order) => dataSource.manager.save(Object.assign(order.labels[0] as Label, { colour: "blue" })),
    ],
  ];

  describe.each(memberWrites)("when %s alone", (_name, write) => {
    it("the root is raised once, in memory too", async () => {
      const order = await load();
      await write(order);
      expect([order.version, await versionOfRow()]).toEqual([2, 2]);
    });

    it("it is refused if the root was changed meanwhile, and nothing is written", async () => {
      const order = await load();
      await dataSource.manager.save(Object.assign(await load(), { note: "theirs" }));
      const before = await load();
      const error = await refusal(write(order));
      expect(error.conflicts.map(({ entityName }) => entityName)).toEqual(["Order"]);
      expect(error.conflicts[0]).toMatchObject({ operation: "touch", entity: order });
      expect(await load()).toEqual(before);
    });
  });

  it("a member that was loaded with its root in a property of its own raises that", async () => {
    const loaded = await dataSource.manager.findOneOrFail(OrderLine, {
      where: { text: "1a" },
      relations: { order: true },
    });
    await dataSource.manager.save(Object.assign(loaded, { text: "x" }));
    expect([loaded.order.version, await versionOfRow()]).toEqual([2, 2]);
    await dataSource.manager.update(Order, { id: 1 }, { note: "theirs" });
    await refusal(dataSource.manager.save(Object.assign(loaded, { text: "y" })));
    expect(await texts()).toEqual(["1b", "x"]);
  });

  it("a member that names its root by its key raises it, unchecked", async () => {
    const order = await load();
    await dataSource.manager.save(Object.assign(line("by key"), { order: { id: 1 } }));
    expect(await versionOfRow()).toBe(2);
    await refusal(dataSource.manager.save(Object.assign(order, { note: "late" })));
  });

  it("a member that moves from one root to another raises both", async () => {
    const [one, two] = [await load(1), await load(2)];
    two.lines.push(...one.lines.splice(0, 1));
    await dataSource.manager.save([one, two]);
    expect([await texts(1), await texts(2)]).toEqual([["1b"], ["1a", "2a", "2b"]]);
    expect([await versionOfRow(1), await versionOfRow(2), one.version, two.version]).toEqual([2, 2, 2, 2]);
  });

  it("a member that is moved alone raises the root it leaves and the one it comes to", async () => {
    const moved = await dataSource.manager.findOneOrFail(OrderLine, {
      where: { text: "1a" },
      relations: { order: true },
    });
    await dataSource.manager.save(Object.assign(moved, { order: await load(2) }));
    expect([await versionOfRow(1), await versionOfRow(2)]).toEqual([2, 2]);
  });

  it("a member that has moved to another root is no concern of the one it was loaded with any more", async () => {
    const [one, two] = [await load(1), await load(2)];
    const [byRoots, alone] = one.lines as [OrderLine, OrderLine];
    two.lines.push(...one.lines.splice(0, 1));
    await dataSource.manager.save([one, two]);
    await dataSource.manager.save(Object.assign(alone, { order: two }));
    const versions = [await versionOfRow(1), await versionOfRow(2)];
    await dataSource.manager.update(Order, { id: 1 }, { note: "theirs" });
    await dataSource.manager.save(Object.assign(byRoots, { text: "x" }));
    await dataSource.manager.save(Object.assign(alone, { text: "y" }));
    expect([await versionOfRow(1), await versionOfRow(2)]).toEqual([
      (versions[0] as number) + 1,
      (versions[1] as number) + 2,
    ]);
  });

  it("members of one root object can be saved at the same time", async () => {
    const order = await load();
    await Promise.all(
      [...order.lines, order.receipt as Receipt].map((member) =>
        dataSource.manager.save(Object.assign(member, { text: "at once" })),
      ),
    );
    expect([order.version, await versionOfRow()]).toEqual([4, 4]);
  });

  it("a member of a member raises the root of its root too", async () => {
    const company = Object.assign(new Company(), {
      id: 1,
      teams: [Object.assign(new Team(), { id: 1, players: [Object.assign(new Player(), { id: 1 })] })],
    });
    await dataSource.manager.save(company);
    const open = (): Promise<Company> =>
      dataSource.manager.findOneOrFail(Company, {
        where: { id: 1 },
        relations: { teams: { players: true } },
      });
    const [loaded, stale] = [await open(), await open()];
    const [team] = loaded.teams as [Team];
    const [player] = team.players as [Player];
    await dataSource.manager.save(Object.assign(player, { name: "alone" }));
    expect([loaded.version, team.version]).toEqual([2, 2]);
    const [staleTeam] = stale.teams as [Team];
    const error = await refusal(
      dataSource.manager.save(Object.assign((staleTeam.players as [Player])[0], { name: "stale" })),
    );
    expect(error.conflicts.map(({ entityName }) => entityName).sort()).toEqual(["Company", "Team"]);
    player.name = "through the root";
    await dataSource.manager.save(loaded);
    expect([loaded.version, team.version]).toEqual([3, 3]);
    expect(await open()).toEqual(loaded);
    await dataSource.manager.remove(player);
    expect([loaded.version, team.version]).toEqual([4, 4]);
  });

  it("a member that several roots share raises only the root that it is added to", async () => {
    const shared = await dataSource.manager.findOneByOrFail(Label, { name: "l1" });
    const clubs = [1, 2, 3].map((id) => Object.assign(new Club(), { id, labels: [] as Label[] }));
    await dataSource.manager.save(clubs);
    for (const club of clubs) {
      club.labels.push(shared);
      await dataSource.manager.save(club);
    }
    expect(clubs.map(({ version }) => version)).toEqual([2, 2, 2]);
    const rows = await dataSource.manager.find(Club, { order: { id: "ASC" } });
    expect(rows.map(({ version }) => version)).toEqual([2, 2, 2]);
    await dataSource.manager.createQueryBuilder().delete().from("club_labels_label").execute();
    await dataSource.manager.createQueryBuilder().delete().from(Club).execute();
  });

  it("an object that only names the root is left as it is", async () => {
    const key = { id: 1 };
    await dataSource.manager.save(Object.assign(line("by key"), { order: key }));
    expect(key).toEqual({ id: 1 });
  });

  it("nothing is raised and nothing sent when nothing has changed", async () => {
    const order = await load();
    const statements = await log.during(() => dataSource.manager.save(order));
    expect(statements.filter((sql) => !sql.startsWith("SELECT"))).toEqual([]);
    await dataSource.manager.save(order.lines);
    expect(await versionOfRow()).toBe(1);
  });

  it("a relation that is not versioned raises nothing", async () => {
    const order = await load();
    order.remarks.push(Object.assign(new Remark(), { text: "n" }));
    Object.assign(order.remarks[0] as Remark, { text: "edited" });
    await dataSource.manager.save(order);
    expect([await versionOfRow(), (await load()).remarks.map(({ text }) => text).sort()]).toEqual([
      1,
      ["edited", "n"],
    ]);
  });

  it("a new root is inserted with its members at version 1", async () => {
    const order = Object.assign(new Order(), { id: 9, lines: [line("first")] });
    await dataSource.manager.save(order);
    expect([order.version, await versionOfRow(9)]).toEqual([1, 1]);
    order.lines.push(line("second"));
    await dataSource.manager.save(order);
    expect([order.version, await versionOfRow(9), await texts(9)]).toEqual([2, 2, ["first", "second"]]);
    order.lines.shift();
    await dataSource.manager.save(order);
    expect([order.version, await texts(9)]).toEqual([3, ["second"]]);
  });

  it("a new root with a key of its own and a new line that names it are saved together", async () => {
    const order = Object.assign(new Order(), { id: 9 });
    await dataSource.manager.save([order, Object.assign(line("x"), { order })]);
    expect([order.version, await texts(9)]).toEqual([1, ["x"]]);
  });

  it("a root that is removed takes its members along without being raised first", async () => {
    const order = await load();
    const statements = await log.during(() => dataSource.manager.remove(order));
    expect(statements.filter((sql) => sql.startsWith("UPDATE"))).toEqual([]);
    expect(await dataSource.manager.countBy(Order, { id: 1 })).toBe(0);
  });

  it("after a rollback the root's version in memory is the old one", async () => {
    const order = await load();
    await dataSource
      .transaction(async (manager) => {
        order.lines.push(line("undone"));
        await manager.save(order);
        await manager.save(Object.assign(order.receipt as Receipt, { text: "undone" }));
        throw new Error("undo");
      })
      .catch(() => undefined);
    expect(order.version).toBe(1);
  });

  describe("by the relation query builder", () => {
    const relation = (name: string): ReturnType<ReturnType<DataSource["createQueryBuilder"]>["relation"]> =>
      dataSource.createQueryBuilder().relation(Order, name);

    it("a loaded root is checked and raised", async () => {
      const [first, second] = [await load(), await load()];
      await dataSource.manager.insert(Label, { name: "extra" });
      await relation("labels").of(first).add("extra");
      expect([first.version, await versionOfRow()]).toEqual([2, 2]);
      await refusal(relation("labels").of(second).remove("l1"));
      expect((await load()).labels.map(({ name }) => name).sort()).toEqual(["extra", "l1"]);
      await relation("labels").of(first).remove("l1");
      expect([first.version, await versionOfRow()]).toEqual([3, 3]);
    });

    it("a root that is named by its key is raised", async () => {
      const stale = await load();
      await dataSource.manager.insert(Label, { name: "extra" });
      await relation("labels").of(1).add("extra");
      expect(await versionOfRow()).toBe(2);
      await refusal(dataSource.manager.save(Object.assign(stale, { note: "late" })));
    });

    it("a member's own side raises the root it is given to", async () => {
      const moved = await dataSource.manager.findOneByOrFail(OrderLine, { text: "1a" });
      await dataSource.createQueryBuilder().relation(OrderLine, "order").of(moved).set(2);
      expect([await versionOfRow(2), await texts(2)]).toEqual([2, ["1a", "2a", "2b"]]);
    });

    it("a member's own side checks the root that it was loaded with", async () => {
      const order = await load();
      const [moved, stale] = order.lines as [OrderLine, OrderLine];
      await dataSource.createQueryBuilder().relation(OrderLine, "order").of(moved).set(2);
      expect([order.version, await versionOfRow(1), await versionOfRow(2)]).toEqual([2, 2, 2]);
      const named = await dataSource.manager.findOneOrFail(OrderLine, {
        where: { id: stale.id },
        relations: { order: true },
      });
      await dataSource.manager.update(Order, { id: 1 }, { note: "theirs" });
      for (const member of [stale, named]) {
        await refusal(dataSource.createQueryBuilder().relation(OrderLine, "order").of(member).set(2));
      }
      expect([await texts(1), await texts(2)]).toEqual([["1b"], ["1a", "2a", "2b"]]);
    });

    it("a failure undoes the raise, also inside a transaction", async () => {
      const order = await load();
      await expect(relation("labels").of(order).add("no such label")).rejects.toThrow();
      expect([order.version, await versionOfRow()]).toEqual([1, 1]);
      await dataSource.transaction(async (manager) => {
        await expect(
          manager.createQueryBuilder().relation(Order, "labels").of(order).add("no such label"),
        ).rejects.toThrow();
        await manager.update(Order, { id: 2 }, { note: "still alive" });
      });
      expect([order.version, await versionOfRow(), await versionOfRow(2)]).toEqual([1, 1, 2]);
    });

    it("a relation that is not versioned raises nothing", async () => {
      await relation("remarks")
        .of(2)
        .add((await load()).remarks[0]?.id);
      expect([await versionOfRow(), await versionOfRow(2)]).toEqual([1, 1]);
    });
  });

  describe("fifteen workers that each push one line", () => {
    const workers = Array.from({ length: 15 }, (_, index) => `w${index}`);

    const push = async (text: string, isRetried: boolean, order?: Order): Promise<boolean> => {
      for (;;) {
        const loaded = order ?? (await load());
        loaded.lines.push(line(text));
        try {
          await dataSource.manager.save(loaded);
          return true;
        } catch (error) {
          if (!isOptimisticLockError(error)) throw error;
          if (!isRetried) return false;
        }
      }
    };

    it("all attach theirs when they try again", async () => {
      await Promise.all(workers.map((text) => push(text, true)));
      expect(await texts()).toEqual(["1a", "1b", ...workers].sort());
      expect(await versionOfRow()).toBe(16);
    });

    it("lose nobody's line when they do not", async () => {
      const orders = await Promise.all(workers.map(() => load()));
      const attached = await Promise.all(workers.map((text, index) => push(text, false, orders[index])));
      expect(attached.filter(Boolean)).toHaveLength(1);
      expect(await texts()).toEqual(["1a", "1b", ...workers.filter((_, index) => attached[index])].sort());
      expect(await dataSource.manager.count(OrderLine)).toBe(5);
    });
  });
});
