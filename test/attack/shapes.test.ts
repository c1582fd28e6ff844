import {
  Column,
  Entity,
  EntitySchema,
  JoinColumn,
  ManyToMany,
  JoinTable,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  ChildEntity,
  TableInheritance,
  Tree,
  TreeChildren,
  TreeParent,
  Unique,
  DeleteDateColumn,
  type DataSource,
} from "typeorm";
import { ConcurrencyToken, RowVersion } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { openFresh, worlds } from "./support";

@Entity()
@Tree("materialized-path")
class Path {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @TreeChildren({ cascade: true }) children: Path[];
  @TreeParent({ onDelete: "CASCADE" }) parent: Path | null;
  @RowVersion() version: number;
}
@Entity()
@Tree("closure-table")
class Closure {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @TreeChildren({ cascade: true }) children: Closure[];
  @TreeParent({ onDelete: "CASCADE" }) parent: Closure | null;
  @RowVersion() version: number;
}
@Entity()
@Tree("nested-set")
class Nested {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @TreeChildren({ cascade: true }) children: Nested[];
  @TreeParent() parent: Nested | null;
  @RowVersion() version: number;
}
@Entity()
class Folder {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @ManyToOne(() => Folder, { onDelete: "CASCADE", nullable: true }) parent: Folder | null;
  @RowVersion() version: number;
}
@Entity()
class Invoice {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @OneToMany(() => InvoiceLine, (line) => line.invoice, { cascade: true }) lines: InvoiceLine[];
  @OneToOne(() => Receipt, (receipt) => receipt.invoice, { cascade: true }) receipt: Receipt | null;
  @ManyToMany(() => Tag, { cascade: true }) @JoinTable() tags: Tag[];
  @RowVersion() version: number;
}
@Entity()
class InvoiceLine {
  @PrimaryGeneratedColumn() id: number;
  @Column() text: string;
  @ManyToOne(() => Invoice, (invoice) => invoice.lines, { onDelete: "CASCADE" }) invoice: Invoice;
  @RowVersion() version: number;
}
@Entity()
class Receipt {
  @PrimaryGeneratedColumn() id: number;
  @Column() text: string;
  @OneToOne(() => Invoice, (invoice) => invoice.receipt) @JoinColumn() invoice: Invoice;
  @RowVersion() version: number;
}
@Entity()
class Tag {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @RowVersion() version: number;
}
class Counters {
  @Column("int", { default: 0 }) likes: number;
  @RowVersion() version: number;
}
@Entity()
class Post {
  @PrimaryGeneratedColumn() id: number;
  @Column() title: string;
  @Column(() => Counters) counters: Counters;
}
@Entity()
class Keyed {
  @PrimaryColumn("varchar", { length: 40 }) id: string;
  @Column() name: string;
  @RowVersion() version: number;
}
@Entity()
class Shelf {
  @ManyToOne(() => Tag, { nullable: false }) @JoinColumn() tag: Tag;
  @PrimaryColumn("int") tagId: number;
  @PrimaryColumn("int") place: number;
  @Column() name: string;
  @RowVersion() version: number;
}
@Entity()
class Owned {
  @OneToOne(() => Tag, { nullable: false, eager: true }) @JoinColumn() tag: Tag;
  @PrimaryColumn("int") tagId: number;
  @Column() name: string;
  @RowVersion() version: number;
}
@Entity()
@TableInheritance({ column: { type: "varchar", name: "kind" } })
class Animal {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @RowVersion() version: number;
}
@ChildEntity()
class Dog extends Animal {
  @Column("int", { nullable: true }) bark: number | null;
}
@Entity()
@Unique(["code"])
class Stock {
  @PrimaryGeneratedColumn({ name: "stock_id" }) id: number;
  @Column({ name: "stock_code" }) code: string;
  @Column("int", { name: "on_hand", default: 0 }) onHand: number;
  @RowVersion({ name: "row_version" }) version: number;
}
@Entity()
class Owner {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
}
@Entity()
class Car {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @ConcurrencyToken() @Column("int", { nullable: true }) ownerId: number | null;
  @ManyToOne(() => Owner, { nullable: true }) @JoinColumn({ name: "ownerId" }) owner: Owner | null;
}
@Entity()
class Paper {
  @PrimaryGeneratedColumn() id: number;
  @Column() title: string;
  @ManyToOne(() => Owner, { lazy: true, cascade: true, nullable: true }) author: Promise<Owner | null>;
  @OneToMany(() => Page, (page) => page.paper, { lazy: true, cascade: true }) pages: Promise<Page[]>;
  @RowVersion() version: number;
}
@Entity()
class Page {
  @PrimaryGeneratedColumn() id: number;
  @Column() text: string;
  @ManyToOne(() => Paper, (paper) => paper.pages) paper: Paper;
  @RowVersion() version: number;
}
@Entity()
class Trash {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @DeleteDateColumn() deletedAt: Date | null;
  @RowVersion() version: number;
}
interface Schema {
  id: number;
  name: string;
  version: number;
}
const SchemaEntity = new EntitySchema<Schema>({
  name: "Schema",
  columns: {
    id: { type: Number, primary: true, generated: true },
    name: { type: String },
    version: { type: Number, version: true },
  },
});
const entities = [
  Path,
  Closure,
  Nested,
  Folder,
  Invoice,
  InvoiceLine,
  Receipt,
  Tag,
  Post,
  Keyed,
  Shelf,
  Owned,
  Animal,
  Dog,
  Stock,
  Owner,
  Car,
  Paper,
  Page,
  Trash,
  SchemaEntity,
];
const make = <T extends object>(type: new () => T, values: Partial<T>): T =>
  Object.assign(new type(), values);

eachDatabase((scratch) => {
  describe.each(worlds)("%s", (_, guarded) => {
    let dataSource: DataSource;
    beforeAll(async () => {
      ({ dataSource } = await openFresh(scratch(), entities, { guarded }));
    });
    afterAll(() => (dataSource?.isInitialized ? dataSource.destroy() : undefined));

    describe.each([
      ["materialized path", Path],
      ["closure table", Closure],
      ["nested set", Nested],
    ] as const)("a %s", (__, type) => {
      type Node = Path;
      const kind = type as unknown as typeof Path;
      it("moves a node with descendants, then changes it", async () => {
        const { manager } = dataSource;
        const root = await manager.save(make<Node>(kind, { name: "root" }));
        const a = await manager.save(make<Node>(kind, { name: "a", parent: root }));
        const b = await manager.save(make<Node>(kind, { name: "b", parent: root }));
        const c = await manager.save(make<Node>(kind, { name: "c", parent: a }));
        a.parent = b;
        a.name = "a2";
        await manager.save(a);
        a.name = "a3";
        await manager.save(a);
        const loaded = await manager.findOneOrFail(kind, {
          where: { id: a.id },
          relations: { parent: true },
        });
        expect([loaded.name, loaded.parent?.id]).toEqual(["a3", b.id]);
        const descendants = await manager.getTreeRepository(kind).findDescendants(loaded);
        expect(descendants.map(({ id }) => id).sort()).toEqual([a.id, c.id].sort());
      });
      it("moves a loaded node", async () => {
        const { manager } = dataSource;
        const nodes = await manager.find(kind, {
          order: { id: "ASC" },
          take: 4,
          relations: { parent: true },
        });
        const [, , b, c] = nodes as [Node, Node, Node, Node];
        c.parent = b;
        await manager.save(c);
        const loaded = await manager.findOneOrFail(kind, {
          where: { id: c.id },
          relations: { parent: true },
        });
        expect(loaded.parent?.id).toBe(b.id);
      });
      it("saves a tree found with findTrees", async () => {
        const repository = dataSource.getTreeRepository(kind);
        const [tree] = await repository.findTrees();
        (tree as Node).name = "root2";
        ((tree as Node).children[0] as Node).name = "child2";
        await repository.save(tree as Node);
        expect((await repository.findTrees())[0]).toMatchObject({ name: "root2" });
      });
    });

    it("removes a parent and its child in one list where the database cascades", async () => {
      const { manager } = dataSource;
      const parent = await manager.save(make(Folder, { name: "p" }));
      const child = await manager.save(make(Folder, { name: "c", parent }));
      const grandchild = await manager.save(make(Folder, { name: "g", parent: child }));
      await manager.remove([parent, child, grandchild]);
      expect(await manager.count(Folder)).toBe(0);
    });

    it("removes an invoice and its lines in one list where the database cascades", async () => {
      const { manager } = dataSource;
      const invoice = await manager.save(
        make(Invoice, {
          name: "i",
          lines: [make(InvoiceLine, { text: "1" }), make(InvoiceLine, { text: "2" })],
        }),
      );
      await manager.remove([invoice, ...invoice.lines]);
      expect(await manager.count(InvoiceLine)).toBe(0);
    });

    it("saves a graph with every kind of cascade again and again", async () => {
      const { manager } = dataSource;
      const invoice = await manager.save(
        make(Invoice, {
          name: "i",
          lines: [make(InvoiceLine, { text: "1" }), make(InvoiceLine, { text: "2" })],
          receipt: make(Receipt, { text: "r" }),
          tags: [make(Tag, { name: "t" })],
        }),
      );
      invoice.lines[0]!.text = "1b";
      invoice.lines.push(make(InvoiceLine, { text: "3" }));
      invoice.receipt!.text = "r2";
      invoice.tags[0]!.name = "t2";
      invoice.tags.push(make(Tag, { name: "u" }));
      await manager.save(invoice);
      invoice.lines.pop();
      invoice.lines[1]!.text = "2b";
      invoice.receipt = null;
      await manager.save(invoice);
      const loaded = await manager.findOneOrFail(Invoice, {
        where: { id: invoice.id },
        relations: { lines: true, receipt: true, tags: true },
      });
      expect(loaded.lines.map(({ text }) => text).sort()).toEqual(["1b", "2b"]);
      expect(loaded.receipt).toBeNull();
      expect(loaded.tags.map(({ name }) => name).sort()).toEqual(["t2", "u"]);
      for (const line of invoice.lines) line.text += "x";
      await manager.save(invoice.lines);
    });

    it("moves a child from one parent to another in one save", async () => {
      const { manager } = dataSource;
      const [one, two] = (await manager.save([
        make(Invoice, { name: "one", lines: [make(InvoiceLine, { text: "m" })] }),
        make(Invoice, { name: "two", lines: [] }),
      ])) as [Invoice, Invoice];
      two.lines.push(...one.lines.splice(0));
      await manager.save([one, two]);
      await manager.save([two, one]);
      const line = await manager.findOneOrFail(InvoiceLine, {
        where: { text: "m" },
        relations: { invoice: true },
      });
      expect(line.invoice?.name).toBe("two");
    });

    it("attaches a child named by its id only", async () => {
      const { manager } = dataSource;
      const line = await manager.save(make(InvoiceLine, { text: "stub" }));
      const invoice = await manager.save(
        make(Invoice, { name: "i", lines: [{ id: line.id } as InvoiceLine] }),
      );
      const found = await manager.findOneOrFail(InvoiceLine, {
        where: { id: line.id },
        relations: { invoice: true },
      });
      expect(found.invoice?.id).toBe(invoice.id);
    });

    if (guarded) {
      it("refuses the same row as two changed objects of a list, and saves it as one changed and one not", async () => {
        const { manager } = dataSource;
        const { id } = await manager.save(make(Tag, { name: "t" }));
        const one = await manager.findOneByOrFail(Tag, { id });
        const two = await manager.findOneByOrFail(Tag, { id });
        two.name = "two";
        await manager.save([one, two]);
        expect([one.version, two.version]).toEqual([1, 2]);
        one.name = "one";
        two.name = "three";
        await expect(manager.save([one, two])).rejects.toThrow(
          /in this save as two objects that were both changed/,
        );
        await manager.save(two);
        expect((await manager.findOneByOrFail(Tag, { id })).name).toBe("three");
      });
    }

    it("keeps an embedded version", async () => {
      const { manager } = dataSource;
      const post = await manager.save(make(Post, { title: "a" }));
      post.title = "b";
      await manager.save(post);
      post.counters.likes = 3;
      await manager.save(post);
      const loaded = await manager.findOneByOrFail(Post, { id: post.id });
      loaded.title = "c";
      await manager.save(loaded);
      expect(loaded.counters.version).toBe(4);
      await manager.remove(loaded);
    });

    it("saves and removes by a composite key, part of which is a relation", async () => {
      const { manager } = dataSource;
      const tag = await manager.save(make(Tag, { name: "t" }));
      await manager.save(make(Shelf, { tagId: tag.id, place: 1, name: "a" }));
      await manager.save(make(Shelf, { tag, tagId: tag.id, place: 2, name: "b" }));
      const loaded = await manager.find(Shelf, { relations: { tag: true }, order: { place: "ASC" } });
      for (const each of loaded) each.name += "x";
      await manager.save(loaded);
      for (const each of loaded) each.name += "y";
      await manager.save(loaded);
      expect((await manager.find(Shelf, { order: { place: "ASC" } })).map(({ name }) => name)).toEqual([
        "axy",
        "bxy",
      ]);
      await manager.remove(loaded);
      const owned = await manager.save(make(Owned, { tag, tagId: tag.id, name: "o" }));
      owned.name = "p";
      await manager.save(owned);
      const again = await manager.findOneByOrFail(Owned, { tagId: tag.id });
      again.name = "q";
      await manager.save(again);
      await manager.remove(again);
    });

    it("saves children of a single table through either repository", async () => {
      const { manager } = dataSource;
      const dog = await manager.save(make(Dog, { name: "rex", bark: 1 }));
      const asAnimal = await dataSource.getRepository(Animal).findOneByOrFail({ id: dog.id });
      expect(asAnimal).toBeInstanceOf(Dog);
      asAnimal.name = "max";
      await dataSource.getRepository(Animal).save(asAnimal);
      const asDog = await dataSource.getRepository(Dog).findOneByOrFail({ id: dog.id });
      asDog.bark = 2;
      await dataSource.getRepository(Dog).save(asDog);
      await dataSource.getRepository(Animal).save({ id: dog.id, version: asDog.version, name: "sam" });
      const row = await dataSource.getRepository(Dog).findOneByOrFail({ id: dog.id });
      expect([row.name, row.bark]).toEqual(["sam", 2]);
      await dataSource.getRepository(Animal).remove(row);
    });

    it("upserts in several forms", async () => {
      const repository = dataSource.getRepository(Stock);
      await repository.upsert({ code: "a", onHand: 1 }, ["code"]);
      await repository.upsert({ code: "a", onHand: 2 }, ["code"]);
      await repository.upsert(
        [
          { code: "a", onHand: 3, version: 1 },
          { code: "b", onHand: 1 },
        ],
        ["code"],
      );
      await repository
        .createQueryBuilder()
        .insert()
        .values({ code: "b", onHand: 5 })
        .orUpdate(["on_hand"], ["stock_code"])
        .execute();
      const rows = await repository.find({ order: { code: "ASC" } });
      expect(rows.map(({ onHand }) => onHand)).toEqual([3, 5]);
      if (guarded) expect(rows.map(({ version }) => version)).toEqual([3, 2]);
      rows[0]!.onHand = 9;
      await repository.save(rows);
    });

    it("upserts a loaded entity and then saves it with the value it was loaded with", async () => {
      const repository = dataSource.getRepository(Stock);
      await repository.save(make(Stock, { code: "u", onHand: 1 }));
      const stock = await repository.findOneByOrFail({ code: "u" });
      stock.onHand = 2;
      await repository.upsert(stock, ["code"]);
      stock.onHand = 1;
      const outcome = await repository.save(stock).catch((error: unknown) => error);
      const row = await repository.findOneByOrFail({ code: "u" });
      // Written, or refused aloud; never neither.
      if (!(outcome instanceof Error)) expect(row.onHand).toBe(1);
    });

    it("saves an entity that an update builder with whereEntity has written", async () => {
      const repository = dataSource.getRepository(Stock);
      await repository.save(make(Stock, { code: "w", onHand: 1 }));
      const stock = await repository.findOneByOrFail({ code: "w" });
      await repository.createQueryBuilder().update().set({ onHand: 2 }).whereEntity(stock).execute();
      stock.onHand = 1;
      const outcome = await repository.save(stock).catch((error: unknown) => error);
      const row = await repository.findOneByOrFail({ code: "w" });
      if (!(outcome instanceof Error)) expect(row.onHand).toBe(1);
    });

    it("lets an update builder go without listeners by entity", async () => {
      const repository = dataSource.getRepository(Stock);
      const stock = await repository.save(make(Stock, { code: "l", onHand: 1 }));
      await repository
        .createQueryBuilder()
        .update()
        .set({ onHand: 2 })
        .whereEntity(stock)
        .callListeners(false)
        .execute();
      expect((await repository.findOneByOrFail({ code: "l" })).onHand).toBe(2);
    });

    it("changes a foreign key that is a token by its relation and by its own property", async () => {
      const { manager } = dataSource;
      const [x, y] = (await manager.save([make(Owner, { name: "x" }), make(Owner, { name: "y" })])) as [
        Owner,
        Owner,
      ];
      const { id } = await manager.save(make(Car, { name: "c", owner: x }));
      const car = await manager.findOneOrFail(Car, { where: { id }, relations: { owner: true } });
      car.owner = y;
      await manager.save(car);
      car.name = "d";
      await manager.save(car);
      car.owner = null;
      await manager.save(car);
      car.owner = x;
      await manager.save(car);
      const flat = await manager.findOneByOrFail(Car, { id });
      expect(flat.ownerId).toBe(x.id);
      flat.ownerId = y.id;
      await manager.save(flat);
      flat.ownerId = null;
      await manager.save(flat);
      flat.name = "e";
      await manager.save(flat);
    });

    it("saves lazy relations", async () => {
      const { manager } = dataSource;
      const paper = manager.create(Paper, { title: "a" });
      paper.author = Promise.resolve(make(Owner, { name: "o" }));
      paper.pages = Promise.resolve([make(Page, { text: "1" })]);
      await manager.save(paper);
      const loaded = await manager.findOneByOrFail(Paper, { id: paper.id });
      const pages = await loaded.pages;
      pages[0]!.text = "1b";
      pages.push(make(Page, { text: "2" }));
      loaded.author = Promise.resolve(make(Owner, { name: "p" }));
      loaded.title = "b";
      await manager.save(loaded);
      const again = await manager.findOneByOrFail(Paper, { id: paper.id });
      expect((await again.pages).map(({ text }) => text).sort()).toEqual(["1b", "2"]);
      expect((await again.author)?.name).toBe("p");
    });

    it("soft-removes and recovers, one and many, twice", async () => {
      const { manager } = dataSource;
      const trash = await manager.save([make(Trash, { name: "a" }), make(Trash, { name: "b" })]);
      await manager.softRemove(trash);
      await manager.softRemove(trash);
      await manager.recover(trash);
      await manager.recover(trash);
      for (const each of trash) each.name += "x";
      await manager.save(trash);
      await manager.softRemove(trash[0]!);
      trash[0]!.name = "deleted";
      await manager.save(trash[0]!);
      await manager.recover(trash[0]!);
      expect((await manager.find(Trash, { order: { id: "ASC" } })).map(({ name }) => name)).toEqual([
        "deleted",
        "bx",
      ]);
    });

    it("inserts a row that points to itself, and goes on with it", async () => {
      const { manager } = dataSource;
      const folder = make(Folder, { name: "self" });
      folder.parent = folder;
      await manager.save(folder);
      folder.name = "self2";
      await manager.save(folder);
      const loaded = await manager.findOneOrFail(Folder, {
        where: { id: folder.id },
        relations: { parent: true },
      });
      expect([loaded.name, loaded.parent?.id]).toEqual(["self2", folder.id]);
    });

    it("saves an EntitySchema's objects", async () => {
      const repository = dataSource.getRepository(SchemaEntity);
      const saved = await repository.save({ name: "a" });
      saved.name = "b";
      await repository.save(saved);
      const loaded = await repository.findOneByOrFail({ id: saved.id });
      loaded.name = "c";
      await repository.save(loaded);
      await repository.save({ ...loaded, name: "d" });
      expect((await repository.findOneByOrFail({ id: saved.id })).name).toBe("d");
    });

    it("removes an entity and saves the same object again under its key", async () => {
      const { manager } = dataSource;
      const keyed = await manager.save(make(Keyed, { id: "again", name: "a" }));
      await manager.remove(keyed);
      keyed.id = "again";
      await manager.save(keyed);
      expect(await manager.countBy(Keyed, { id: "again" })).toBe(1);
    });

    it("saves the same object twice at the same time", async () => {
      const { manager } = dataSource;
      const tag = await manager.save(make(Tag, { name: "t" }));
      tag.name = "u";
      await Promise.all([manager.save(tag), manager.save(tag)]);
      expect((await manager.findOneByOrFail(Tag, { id: tag.id })).name).toBe("u");
    });
  });
});
