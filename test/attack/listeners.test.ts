import {
  Column,
  Entity,
  ManyToOne,
  PrimaryGeneratedColumn,
  type DataSource,
  type EntitySubscriberInterface,
  type InsertEvent,
  type UpdateEvent,
} from "typeorm";
import { RowVersion } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { Latch, openFresh, openSecond, refusalOf, withoutHanging, worlds } from "./support";

@Entity()
class Product {
  @PrimaryGeneratedColumn() id: number;
  @Column() title: string;
  @Column("int", { default: 0 }) stock: number;
  @Column("varchar", { nullable: true }) slug: string | null;
  @RowVersion() version: number;
}

@Entity()
class Order {
  @PrimaryGeneratedColumn() id: number;
  @Column("int", { default: 0 }) total: number;
  @RowVersion() version: number;
}

@Entity()
class Line {
  @PrimaryGeneratedColumn() id: number;
  @Column("int") amount: number;
  @ManyToOne(() => Order) order: Order;
  @RowVersion() version: number;
}

@Entity()
class Audit {
  @PrimaryGeneratedColumn() id: number;
  @Column() text: string;
}

@Entity()
class Trace {
  @PrimaryGeneratedColumn() id: number;
  @Column() text: string;
}

const entities = [Product, Order, Line, Audit, Trace];
const product = (title: string): Product => Object.assign(new Product(), { title });

eachDatabase((scratch, name) => {
  describe.each(worlds)("%s", (_, guarded) => {
    let dataSource: DataSource;
    beforeAll(async () => {
      ({ dataSource } = await openFresh(scratch(), entities, { guarded }));
    });
    afterAll(() => (dataSource?.isInitialized ? dataSource.destroy() : undefined));
    const subscribe = (subscriber: EntitySubscriberInterface): void =>
      void dataSource.subscribers.push(subscriber);
    afterEach(() => {
      dataSource.subscribers.splice(
        0,
        dataSource.subscribers.length,
        ...dataSource.subscribers.filter((each) => each.constructor.name === "TransactionListener"),
      );
    });
    const saved = async (title: string): Promise<Product> => {
      const { id } = await dataSource.manager.save(product(title));
      return dataSource.manager.findOneByOrFail(Product, { id });
    };

    it("shows the new version to an afterUpdate subscriber", async () => {
      const entity = await saved("a");
      const seen: unknown[] = [];
      subscribe({ afterUpdate: (event: UpdateEvent<Product>) => void seen.push(event.entity?.["version"]) });
      entity.title = "b";
      await dataSource.manager.save(entity);
      expect(seen).toEqual([2]);
    });

    it("saves the same entity again in afterUpdate, without listeners", async () => {
      const entity = await saved("a");
      subscribe({
        listenTo: () => Product,
        async afterUpdate(event: UpdateEvent<Product>) {
          const updated = event.entity as Product;
          updated.slug = `slug-${updated.title}`;
          await event.manager.save(updated, { listeners: false });
        },
      });
      entity.title = "b";
      await dataSource.manager.save(entity);
      const row = await dataSource.manager.findOneByOrFail(Product, { id: entity.id });
      expect(row.slug).toBe("slug-b");
      expect(entity.version).toBe(row.version);
      entity.title = "c";
      await dataSource.manager.save(entity, { listeners: false });
      expect((await dataSource.manager.findOneByOrFail(Product, { id: entity.id })).title).toBe("c");
    });

    it("updates the same row by key map in afterUpdate, and the entity can be saved again", async () => {
      const entity = await saved("a");
      subscribe({
        listenTo: () => Product,
        async afterUpdate(event: UpdateEvent<Product>) {
          if (event.databaseEntity)
            await event.manager.update(Product, { id: event.databaseEntity.id }, { slug: "s" });
        },
      });
      entity.title = "b";
      await dataSource.manager.save(entity);
      entity.title = "c";
      await dataSource.manager.save(entity);
      expect((await dataSource.manager.findOneByOrFail(Product, { id: entity.id })).title).toBe("c");
    });

    it("updates the same row by bare id in afterUpdate, and the entity can be saved again", async () => {
      const entity = await saved("a");
      subscribe({
        listenTo: () => Product,
        async afterUpdate(event: UpdateEvent<Product>) {
          if (event.databaseEntity)
            await event.manager.update(Product, event.databaseEntity.id, { slug: "s" });
        },
      });
      entity.title = "b";
      await dataSource.manager.save(entity);
      entity.title = "c";
      await dataSource.manager.save(entity);
      expect((await dataSource.manager.findOneByOrFail(Product, { id: entity.id })).title).toBe("c");
    });

    it("updates the same row by bare id in beforeUpdate", async () => {
      const entity = await saved("a");
      subscribe({
        listenTo: () => Product,
        async beforeUpdate(event: UpdateEvent<Product>) {
          if (event.databaseEntity)
            await event.manager.update(Product, event.databaseEntity.id, { slug: "s" });
        },
      });
      entity.title = "b";
      await dataSource.manager.save(entity);
      expect((await dataSource.manager.findOneByOrFail(Product, { id: entity.id })).title).toBe("b");
    });

    it("loads and saves the same row again in afterInsert", async () => {
      subscribe({
        listenTo: () => Product,
        async afterInsert(event: InsertEvent<Product>) {
          const again = await event.manager.findOneByOrFail(Product, { id: event.entity.id });
          again.slug = `slug-${again.id}`;
          await event.manager.save(again, { listeners: false });
        },
      });
      const entity = await dataSource.manager.save(product("a"));
      // Bare: the version in memory is 1 and the row is at 2, which nobody checks.
      entity.title = "b";
      await dataSource.manager.save(entity);
      expect((await dataSource.manager.findOneByOrFail(Product, { id: entity.id })).title).toBe("b");
    });

    it("saves a list whose afterUpdate subscriber saves another guarded entity for each", async () => {
      const orders = await dataSource.manager.save([0, 0, 0].map(() => new Order()));
      await dataSource.manager.save(orders.map((order) => Object.assign(new Line(), { amount: 1, order })));
      subscribe({
        listenTo: () => Line,
        async afterUpdate(event: UpdateEvent<Line>) {
          const order = await event.manager.findOneByOrFail(Order, { id: (event.entity as Line).order.id });
          order.total = (event.entity as Line).amount;
          await event.manager.save(order);
        },
      });
      const lines = await dataSource.manager.find(Line, { relations: { order: true }, order: { id: "ASC" } });
      for (const line of lines) line.amount = 7;
      await withoutHanging(dataSource.manager.save(lines));
      expect((await dataSource.manager.find(Order)).map(({ total }) => total)).toEqual([7, 7, 7]);
    });

    it.each(["save", "insert-and-update"])(
      "saves a list whose afterUpdate subscriber %ss new guarded entities for each",
      async (how) => {
        const products = await dataSource.manager.save(["a", "b", "c", "d"].map(product));
        subscribe({
          listenTo: () => Product,
          async afterUpdate(event: UpdateEvent<Product>) {
            const order = await event.manager.save(
              Object.assign(new Order(), { total: event.entity?.["id"] as number }),
            );
            if (how === "save") return;
            order.total += 1000;
            const second = Object.assign(new Order(), { total: 2000 });
            await event.manager.save([order, second]);
          },
        });
        for (const each of products) each.stock = 7;
        const before = await dataSource.manager.count(Order);
        await dataSource.manager.save(products);
        expect((await dataSource.manager.count(Order)) - before).toBe(how === "save" ? 4 : 8);
        const rows = await dataSource.manager.find(Product, { order: { id: "DESC" }, take: 4 });
        expect(rows.map(({ stock }) => stock)).toEqual([7, 7, 7, 7]);
      },
    );

    it("tells subscribers of as many commits as there are", async () => {
      const first = await saved("a");
      const second = await saved("b");
      const events: string[] = [];
      subscribe({
        afterTransactionStart: () => void events.push("start"),
        afterTransactionCommit: () => void events.push("commit"),
      });
      first.title = second.title = "c";
      await dataSource.transaction((manager) => manager.save([first, second]));
      expect(events).toEqual(["start", "commit"]);
    });

    it("lets work that a subscriber set off go on after the save is over", async () => {
      const entity = await saved("a");
      const go = new Latch();
      let background: Promise<unknown> | undefined;
      subscribe({
        listenTo: () => Product,
        afterUpdate() {
          background ??= go.opened.then(() =>
            dataSource.manager.update(Product, { id: entity.id }, { stock: 5 }),
          );
        },
      });
      entity.title = "b";
      await dataSource.manager.save(entity);
      await dataSource.manager.update(Product, { title: "b" }, { slug: "x" });
      go.open();
      await withoutHanging(background as Promise<unknown>);
      expect((await dataSource.manager.findOneByOrFail(Product, { id: entity.id })).stock).toBe(5);
    });

    it("puts the edit a BeforeUpdate subscriber makes into the UPDATE, and keeps the entity savable", async () => {
      const entity = await saved("a");
      subscribe({
        listenTo: () => Product,
        beforeUpdate(event: UpdateEvent<Product>) {
          if (event.entity) event.entity["slug"] = `slug-${String(event.entity["title"])}`;
        },
      });
      entity.title = "b";
      await dataSource.manager.save(entity);
      entity.title = "c";
      await dataSource.manager.save(entity);
      const row = await dataSource.manager.findOneByOrFail(Product, { id: entity.id });
      expect([row.title, row.slug]).toEqual(["c", "slug-c"]);
    });
  });

  describe("a refusal", () => {
    let mine: DataSource;
    let theirs: DataSource;
    beforeAll(async () => {
      ({ dataSource: mine } = await openFresh(scratch(), entities));
      theirs = await openSecond(scratch(), entities);
    });
    afterAll(async () => {
      if (mine?.isInitialized) await mine.destroy();
      if (theirs?.isInitialized) await theirs.destroy();
    });
    const subscribe = (subscriber: EntitySubscriberInterface): void => void mine.subscribers.push(subscriber);
    const stale = async (): Promise<Product> => {
      const { id } = await mine.manager.save(product("a"));
      const entity = await mine.manager.findOneByOrFail(Product, { id });
      await theirs.manager.update(Product, { id }, { title: "theirs" });
      entity.title = "mine";
      return entity;
    };

    it("leaves nothing of what a subscriber wrote by raw SQL in the caller's transaction", async () => {
      const entity = await stale();
      const audit = mine.getMetadata(Audit).tableName;
      const listener = {
        listenTo: () => Product,
        beforeUpdate: (event: UpdateEvent<Product>) =>
          event.queryRunner.query(`INSERT INTO ${audit} (text) VALUES ('raw')`),
      };
      subscribe(listener);
      await mine.transaction(async (manager) => void (await refusalOf(manager.save(entity))));
      mine.subscribers.splice(mine.subscribers.indexOf(listener), 1);
      expect(await mine.manager.countBy(Audit, { text: "raw" })).toBe(0);
    });

    it("leaves nothing of what a subscriber wrote when the save has no transaction", async () => {
      const entity = await stale();
      const listener = {
        listenTo: () => Product,
        beforeUpdate: (event: UpdateEvent<Product>) => event.manager.insert(Audit, { text: "none" }),
      };
      subscribe(listener);
      await refusalOf(mine.manager.save(entity, { transaction: false }));
      mine.subscribers.splice(mine.subscribers.indexOf(listener), 1);
      expect(await mine.manager.countBy(Audit, { text: "none" })).toBe(0);
    });

    it("does not poison work that a subscriber set off", async () => {
      const entity = await stale();
      const go = new Latch();
      let background: Promise<unknown> | undefined;
      const listener = {
        listenTo: () => Product,
        beforeUpdate() {
          background ??= go.opened.then(() => mine.manager.insert(Audit, { text: "background" }));
        },
      };
      subscribe(listener);
      await refusalOf(mine.manager.save(entity));
      mine.subscribers.splice(mine.subscribers.indexOf(listener), 1);
      go.open();
      await background;
      expect(await mine.manager.countBy(Audit, { text: "background" })).toBe(1);
    });

    it("is still found when the writer comes between the SELECT and the UPDATE", async () => {
      if (name === "sqlite") return; // one writer at a time there: theirs would wait for mine
      const { id } = await mine.manager.save(product("a"));
      const entity = await mine.manager.findOneByOrFail(Product, { id });
      const listener = {
        listenTo: () => Product,
        beforeUpdate: () => theirs.manager.update(Product, { id }, { title: "theirs" }),
      };
      subscribe(listener);
      entity.title = "mine";
      await refusalOf(mine.manager.save(entity));
      mine.subscribers.splice(mine.subscribers.indexOf(listener), 1);
      expect((await theirs.manager.findOneByOrFail(Product, { id })).title).toBe("theirs");
    });
  });
});
