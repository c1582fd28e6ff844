import { Column, Entity, PrimaryGeneratedColumn, Unique, type DataSource } from "typeorm";
import { RowVersion } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { openFresh, openSecond, refusalOf, worlds } from "./support";

@Entity()
@Unique(["code"])
class Item {
  @PrimaryGeneratedColumn() id: number;
  @Column() code: string;
  @Column("int", { default: 0 }) stock: number;
  @RowVersion() version: number;
}

@Entity()
class Note {
  @PrimaryGeneratedColumn() id: number;
  @Column() text: string;
}

const item = (code: string): Item => Object.assign(new Item(), { code, stock: 0 });

eachDatabase((scratch, name) => {
  describe.each(worlds)("%s", (_, guarded) => {
    let dataSource: DataSource;
    beforeAll(async () => {
      ({ dataSource } = await openFresh(scratch(), [Item, Note], { guarded }));
    });
    afterAll(() => (dataSource?.isInitialized ? dataSource.destroy() : undefined));
    beforeEach(async () => {
      await dataSource.getRepository(Item).createQueryBuilder().delete().execute();
      await dataSource.getRepository(Note).createQueryBuilder().delete().execute();
    });

    it("saves a list in chunks of which some entities are unchanged", async () => {
      const items = await dataSource.manager.save(["a", "b", "c", "d"].map(item));
      const loaded = await dataSource.manager.find(Item, { order: { id: "ASC" } });
      loaded[0]!.stock = 5;
      await dataSource.manager.save(loaded, { chunk: 1 });
      expect((await dataSource.manager.findOneByOrFail(Item, { id: items[0]!.id })).stock).toBe(5);
    });

    it("saves plain objects with versions in chunks", async () => {
      const items = await dataSource.manager.save(["a", "b", "c", "d"].map(item));
      await dataSource.manager.save(
        Item,
        items.map(({ id, version }) => ({ id, version, stock: 7 })),
        { chunk: 2 },
      );
      expect((await dataSource.manager.find(Item)).map(({ stock }) => stock)).toEqual([7, 7, 7, 7]);
    });

    it("removes a list in chunks", async () => {
      await dataSource.manager.save(["a", "b", "c", "d"].map(item));
      await dataSource.manager.remove(await dataSource.manager.find(Item), { chunk: 1 });
      expect(await dataSource.manager.count(Item)).toBe(0);
    });

    it("leaves nothing behind when one UPDATE of a list fails on a constraint", async () => {
      await dataSource.manager.save(["a", "b", "c", "d", "e", "f"].map(item));
      const loaded = await dataSource.manager.find(Item, { order: { id: "ASC" } });
      for (const each of loaded) each.stock = 9;
      loaded[0]!.code = "f";
      await expect(dataSource.manager.save(loaded)).rejects.toThrow();
      // Whatever was still queued has run when this has.
      await dataSource.query("SELECT 1");
      await new Promise((resolve) => setTimeout(resolve, 100));
      const rows = await dataSource.manager.find(Item, { order: { id: "ASC" } });
      expect(rows.map(({ stock }) => stock)).toEqual([0, 0, 0, 0, 0, 0]);
    });

    it("leaves nothing behind in an open transaction when one UPDATE of a list fails", async () => {
      if (name === "postgres") return; // the transaction is aborted there
      await dataSource.manager.save(["a", "b", "c", "d", "e", "f"].map(item));
      const loaded = await dataSource.manager.find(Item, { order: { id: "ASC" } });
      for (const each of loaded) each.stock = 9;
      loaded[0]!.code = "f";
      await dataSource.transaction(async (manager) => {
        await expect(manager.save(loaded)).rejects.toThrow();
        await manager.query("SELECT 1");
        await new Promise((resolve) => setTimeout(resolve, 100));
      });
      const rows = await dataSource.manager.find(Item, { order: { id: "ASC" } });
      // Bare TypeORM leaves the other five there; a guarded save promises to leave nothing.
      expect(rows.map(({ stock }) => stock)).toEqual(guarded ? [0, 0, 0, 0, 0, 0] : [0, 9, 9, 9, 9, 9]);
    });

    it("keeps what an unguarded save wrote in parallel in the same transaction", async () => {
      await dataSource.manager.save(["a", "b"].map(item));
      await dataSource.transaction(async (manager) => {
        const stale = await manager.find(Item, { order: { id: "ASC" } });
        if (guarded) await manager.update(Item, { id: stale[1]!.id }, { stock: 3 });
        for (const each of stale) each.stock = 9;
        const [refused, note] = await Promise.allSettled([
          manager.save(stale),
          manager.save(Object.assign(new Note(), { text: "kept" })),
          manager.insert(Note, { text: "kept too" }),
        ]);
        expect(refused.status).toBe(guarded ? "rejected" : "fulfilled");
        expect(note.status).toBe("fulfilled");
      });
      expect(await dataSource.manager.count(Note)).toBe(2);
    });
  });

  it("does not refuse unchanged entities in other chunks, but refuses the stale one", async () => {
    const { dataSource } = await openFresh(scratch(), [Item, Note]);
    const theirs = await openSecond(scratch(), [Item, Note]);
    await dataSource.manager.save(["a", "b", "c"].map(item));
    const loaded = await dataSource.manager.find(Item, { order: { id: "ASC" } });
    await theirs.manager.update(Item, { id: loaded[2]!.id }, { stock: 1 });
    for (const each of loaded) each.stock = 4;
    const refusal = await refusalOf(dataSource.manager.save(loaded, { chunk: 1 }));
    expect(refusal.conflicts.map(({ id }) => id)).toEqual([{ id: loaded[2]!.id }]);
    expect((await theirs.manager.find(Item, { order: { id: "ASC" } })).map(({ stock }) => stock)).toEqual([
      0, 0, 1,
    ]);
    await dataSource.destroy();
    await theirs.destroy();
  });
});
