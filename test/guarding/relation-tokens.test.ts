import {
  Column,
  DefaultNamingStrategy,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryColumn,
  type DataSource,
  type Relation,
} from "typeorm";
import {
  ConcurrencyToken,
  guardDataSource,
  isOptimisticLockError,
  versionOf,
  expectVersion,
} from "typeorm-concurrency";
import { eachDatabase, QueryLog } from "../support/databases";

@Entity()
class Owner {
  @PrimaryColumn("int") id: number;
  @OneToMany(() => Parcel, (parcel) => parcel.owner) parcels: Relation<Parcel[]>;
}

@Entity()
class Place {
  @PrimaryColumn("int") street: number;
  @PrimaryColumn() city: string;
}

@Entity()
class Parcel {
  @PrimaryColumn("int") id: number;
  @Column() note: string;
  @ConcurrencyToken()
  @ManyToOne(() => Owner, (owner) => owner.parcels, { nullable: true })
  owner: Relation<Owner> | null;
}

@Entity()
class Letter {
  @PrimaryColumn("int") id: number;
  @Column() note: string;
  @ConcurrencyToken() @ManyToOne(() => Place, { nullable: true }) @JoinColumn() place: Relation<Place> | null;
}

@Entity()
class Crate {
  @PrimaryColumn("int") id: number;
  @Column() note: string;
  @ConcurrencyToken() @Column("int", { name: "owned by", nullable: true }) ownerId: number | null;
  @ManyToOne(() => Owner, { nullable: true }) @JoinColumn({ name: "owned by" }) owner: Relation<Owner> | null;
}

@Entity()
class Locker {
  @PrimaryColumn("int") id: number;
  @Column() note: string;
  @ConcurrencyToken()
  @OneToOne(() => Owner, { nullable: true, lazy: true })
  @JoinColumn()
  owner: Promise<Owner | null>;
}

class LongAliases extends DefaultNamingStrategy {
  override joinColumnName(relationName: string, referenced: string): string {
    return `${relationName}_${referenced}_with_a_name_that_is_longer_than_most`;
  }
}

const rejects = async (work: Promise<unknown>): Promise<void> => {
  const outcome = await work.then(
    () => "written",
    (error: unknown) => (isOptimisticLockError(error) ? "refused" : Promise.reject(error as Error)),
  );
  expect(outcome).toBe("refused");
};

eachDatabase((scratch) => {
  describe.each([
    ["the usual names", undefined],
    ["names so long that TypeORM shortens them", new LongAliases()],
  ])("a foreign key that no property holds is a token, with %s", (_name, namingStrategy) => {
    let dataSource: DataSource;
    const log = new QueryLog();

    beforeAll(async () => {
      dataSource = guardDataSource(
        scratch().dataSource([Owner, Place, Parcel, Letter, Crate, Locker], {
          synchronize: true,
          dropSchema: true,
          logging: true,
          logger: log,
          ...(namingStrategy && { namingStrategy }),
        }),
      );
      await dataSource.initialize();
      await dataSource.manager.insert(Owner, [{ id: 0 }, { id: 1 }, { id: 2 }]);
      await dataSource.manager.insert(Place, [
        { street: 1, city: "a" },
        { street: 1, city: "b" },
      ]);
    });
    beforeEach(async () => {
      for (const entity of [Parcel, Letter, Crate, Locker]) await dataSource.getRepository(entity).clear();
      await dataSource.manager.save([
        Object.assign(new Parcel(), { id: 1, note: "", owner: { id: 1 } }),
        Object.assign(new Letter(), { id: 1, note: "", place: { street: 1, city: "a" } }),
        Object.assign(new Crate(), { id: 1, note: "", ownerId: 1 }),
      ]);
    });

    const parcel = (relations = {}): Promise<Parcel> =>
      dataSource.manager.findOneOrFail(Parcel, { where: { id: 1 }, relations });

    it("when the relation was not loaded", async () => {
      const [stale, fresh] = [await parcel(), await parcel()];
      await dataSource.manager.update(Parcel, { id: 1 }, { owner: { id: 2 } });
      await rejects(dataSource.manager.save(Object.assign(stale, { note: "x" })));
      await rejects(dataSource.manager.remove(fresh));
      expect(await parcel({ owner: true })).toMatchObject({ note: "", owner: { id: 2 } });
    });

    it("when the relation was loaded", async () => {
      const stale = await parcel({ owner: true });
      await dataSource.manager.update(Parcel, { id: 1 }, { owner: { id: 0 } });
      await rejects(dataSource.manager.save(Object.assign(stale, { note: "x" })));
    });

    it("when the relation is changed", async () => {
      const [first, second] = [await parcel(), await parcel()];
      await dataSource.manager.save(Object.assign(first, { owner: { id: 0 } }));
      await rejects(dataSource.manager.save(Object.assign(second, { owner: { id: 2 } })));
      await dataSource.manager.save(Object.assign(first, { owner: null }));
      await dataSource.manager.save(Object.assign(first, { owner: { id: 2 } }));
      await dataSource.manager.save(Object.assign(first, { note: "kept" }));
      expect(await parcel({ owner: true })).toMatchObject({ note: "kept", owner: { id: 2 } });
    });

    it("when it was read through a join, a builder or a page of results", async () => {
      const { manager } = dataSource;
      const loaders: readonly (() => Promise<Parcel | undefined>)[] = [
        async () =>
          (await manager.findOneOrFail(Owner, { where: { id: 1 }, relations: { parcels: true } })).parcels[0],
        async () => (await manager.createQueryBuilder(Parcel, "p").getOne()) ?? undefined,
        async () => (await manager.findAndCount(Parcel, { relations: { owner: true }, take: 1 }))[0][0],
        async () =>
          (await manager.createQueryBuilder(Parcel, "p").select(["p.id", "p.owner.id"]).getMany())[0],
        async () =>
          (
            await manager.findOneOrFail(Owner, {
              where: { id: 1 },
              relations: { parcels: true },
              relationLoadStrategy: "query",
            })
          ).parcels[0],
      ];
      for (const load of loaders) {
        await manager.update(Parcel, { id: 1 }, { owner: { id: 1 } });
        const [stale, fresh] = [await load(), await load()] as [Parcel, Parcel];
        await manager.save(Parcel, Object.assign(fresh, { note: "fresh" }));
        await manager.update(Parcel, { id: 1 }, { owner: { id: 2 }, note: "theirs" });
        await rejects(manager.save(Parcel, Object.assign(stale, { note: "stale" })));
      }
    });

    it("and not put into the entity as a property", async () => {
      const loaded = await parcel();
      expect(Object.keys(loaded).sort()).toEqual(["id", "note"]);
      await dataSource.manager.save(Object.assign(loaded, { note: "x" }));
      expect(Object.keys(loaded).sort()).toEqual(["id", "note"]);
      const made = Object.assign(new Parcel(), { id: 3, note: "n" });
      await dataSource.manager.save(made);
      expect(Object.keys(made)).not.toContain("ownerId");
      await dataSource.manager.save(Object.assign(made, { note: "again" }));
    });

    it("of several columns", async () => {
      const load = (): Promise<Letter> => dataSource.manager.findOneByOrFail(Letter, { id: 1 });
      const [first, second] = [await load(), await load()];
      await dataSource.manager.save(Object.assign(first, { place: { street: 1, city: "b" } }));
      await dataSource.manager.save(Object.assign(first, { note: "x" }));
      await rejects(dataSource.manager.save(Object.assign(second, { note: "y" })));
      await dataSource.manager.save(Object.assign(first, { place: null }));
      await dataSource.manager.save(Object.assign(first, { note: "z" }));
      expect(
        await dataSource.manager.findOneOrFail(Letter, { where: { id: 1 }, relations: { place: true } }),
      ).toMatchObject({ note: "z", place: null });
    });

    it("with a property of its own, in a renamed column", async () => {
      const load = (): Promise<Crate> => dataSource.manager.findOneByOrFail(Crate, { id: 1 });
      const [first, second, third] = [await load(), await load(), await load()];
      await dataSource.manager.save(Object.assign(first, { ownerId: 0 }));
      await dataSource.manager.save(Object.assign(first, { owner: { id: 2 }, ownerId: undefined }));
      await rejects(dataSource.manager.save(Object.assign(second, { note: "y" })));
      await rejects(dataSource.manager.remove(third));
    });

    it("of a lazy relation, which is not woken for it", async () => {
      await dataSource.manager.insert(Locker, { id: 1, note: "", owner: { id: 1 } as never });
      const load = (): Promise<Locker> => dataSource.manager.findOneByOrFail(Locker, { id: 1 });
      const [first, second] = [await load(), await load()];
      await dataSource.manager.update(Locker, { id: 1 }, { owner: { id: 2 } as never });
      await rejects(dataSource.manager.save(Object.assign(first, { note: "x" })));
      const fresh = await load();
      const statements = await log.during(() => dataSource.manager.save(Object.assign(fresh, { note: "y" })));
      expect(statements.filter((sql) => /FROM .?owner/.test(sql))).toEqual([]);
      expect((await fresh.owner)?.id).toBe(2);
      await rejects(dataSource.manager.remove(second));
    });

    it("and part of the version that a client is shown", async () => {
      const shown = versionOf(await parcel());
      await dataSource.manager.save(expectVersion(Object.assign(await parcel(), { note: "1" }), shown));
      await dataSource.manager.update(Parcel, { id: 1 }, { owner: { id: 2 } });
      await rejects(
        dataSource.manager.save(expectVersion(Object.assign(await parcel(), { note: "2" }), shown)),
      );
    });

    it("and reported by its property path with the key it held", async () => {
      const stale = await parcel();
      await dataSource.manager.update(Parcel, { id: 1 }, { owner: { id: 2 } });
      const error: unknown = await dataSource.manager
        .save(Object.assign(stale, { note: "x" }))
        .catch((refusal: unknown) => refusal);
      expect(error).toMatchObject({
        conflicts: [{ expected: { "owner.id": 1 }, actual: { "owner.id": 2 } }],
      });
    });
  });

  it("is an error on a relation without a foreign key", async () => {
    @Entity()
    class Wrong {
      @PrimaryColumn("int") id: number;
      @ConcurrencyToken() @OneToMany(() => Parcel, (parcel) => parcel.owner) parcels: Relation<Parcel[]>;
    }
    const dataSource = guardDataSource(scratch().dataSource([Wrong, Owner, Parcel]));
    await expect(dataSource.initialize()).rejects.toThrow(/Wrong\.parcels is declared as a token but is not/);
  });
});
