import { Column, DeleteDateColumn, Entity, PrimaryColumn, Tree, TreeChildren, TreeParent } from "typeorm";
import { guardDataSource, isOptimisticLockError, RowVersion } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";

@Entity()
@Tree("materialized-path")
class Branch {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @RowVersion({ source: "xmin" }) version: string;
  @TreeParent() parent: Branch | null;
  @TreeChildren() children: Branch[];
}

eachDatabase(
  (scratch) => {
    it("nodes of a path whose version is xmin are inserted together, moved, and refused when stale", async () => {
      const dataSource = guardDataSource(scratch().dataSource([Branch], { synchronize: true }));
      await dataSource.initialize();
      const { manager } = dataSource;
      const [one, two, leaf] = (await manager.save(
        [1, 2, 3].map((id) => Object.assign(new Branch(), { id, name: `${id}` })),
      )) as [Branch, Branch, Branch];
      const stale = await manager.findOneByOrFail(Branch, { id: 3 });
      for (const parent of [one, two, one]) await manager.save(Object.assign(leaf, { parent }));
      const error: unknown = await manager
        .save(Object.assign(stale, { parent: two }))
        .catch((refusal: unknown) => refusal);
      expect(isOptimisticLockError(error)).toBe(true);
      expect(await manager.getTreeRepository(Branch).findDescendants(one)).toHaveLength(2);
    });
  },
  ["postgres"],
);

const made: string[] = [];

@Entity()
class Archived {
  @PrimaryColumn("int") id: number;
  @Column() text: string;
  @DeleteDateColumn() deletedAt: Date | null;
  @RowVersion({
    type: "varchar",
    next: (previous, { text }) => {
      made.push(text as string);
      return `${text as string} after ${previous === undefined ? "nothing" : (previous as string).length}`;
    },
  })
  version: string;
}

eachDatabase((scratch) => {
  it("a version is made from the entity also when it is soft-removed and recovered", async () => {
    const dataSource = guardDataSource(scratch().dataSource([Archived], { synchronize: true }));
    await dataSource.initialize();
    const entity = await dataSource.manager.save(Object.assign(new Archived(), { id: 1, text: "content" }));
    made.length = 0;
    await dataSource.manager.softRemove(entity);
    await dataSource.manager.recover(entity);
    expect(made).toEqual(["content", "content"]);
  });
});
