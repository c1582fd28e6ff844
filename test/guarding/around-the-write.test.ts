import {
  BaseEntity,
  BeforeUpdate,
  Column,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type DataSource,
  type EntityManager,
  type Relation,
} from "typeorm";
import {
  ConcurrencyToken,
  guardDataSource,
  isMissingTokenError,
  isOptimisticLockError,
  isUncheckedWriteError,
  RowVersion,
} from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";

@Entity()
class Writer extends BaseEntity {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) name: string;
}

class Address {
  @ConcurrencyToken() @Column({ default: "" }) city: string;
  @Column({ default: "" }) street: string;
}

let beforeStoryUpdate: (() => Promise<unknown>) | undefined;

@Entity()
class Story extends BaseEntity {
  @BeforeUpdate() onUpdate(): unknown {
    return beforeStoryUpdate?.();
  }
  @PrimaryGeneratedColumn() id: number;
  @RowVersion() version: number;
  @Column({ default: "" }) title: string;
  @Column("varchar", { nullable: true }) slug: string | null;
  @Column("int", { default: 0 }) total: number;
  @Column("varchar", { nullable: true, select: false }) secret: string | null;
  @Column("int", { nullable: true }) writerId: number | null;
  @ManyToOne(() => Writer) @JoinColumn({ name: "writerId" }) writer: Relation<Writer> | null;
  @ManyToOne(() => Writer) reviewer: Relation<Writer> | null;
  @OneToMany(() => Chapter, (chapter) => chapter.story, { cascade: ["soft-remove"] }) chapters: Relation<
    Chapter[]
  >;
}

@Entity()
class Chapter {
  @PrimaryGeneratedColumn() id: number;
  @Column({ default: "" }) text: string;
  @RowVersion() version: number;
  @ManyToOne(() => Story, (story) => story.chapters) story: Relation<Story>;
  @ManyToOne(() => Place, { cascade: ["update"] }) place: Relation<Place> | null;
}

@Entity()
class Place {
  @PrimaryGeneratedColumn() id: number;
  @Column({ default: "" }) name: string;
  @RowVersion() version: number;
}

@Entity()
class Note {
  @PrimaryGeneratedColumn() id: number;
  @ManyToOne(() => Place, { cascade: true }) place: Relation<Place> | null;
}

@Entity()
class Resident {
  @PrimaryColumn("int") id: number;
  @Column(() => Address) address: Address;
}

const entities = [Writer, Story, Chapter, Place, Note, Resident];

eachDatabase((scratch, database) => {
  let mine: DataSource;
  let theirs: DataSource;
  let manager: EntityManager;
  beforeAll(async () => {
    mine = await guardDataSource(scratch().dataSource(entities, { synchronize: true })).initialize();
    theirs = await scratch().dataSource(entities).initialize();
    manager = mine.manager;
    await manager.save([1, 2, 3].map((id) => manager.create(Writer, { id })));
  });

  const write = (values: Partial<Story> = {}): Promise<Story> =>
    manager.save(manager.create(Story, { title: "a", ...values }));
  const stored = (id: number): Promise<Story> =>
    theirs.manager
      .createQueryBuilder(Story, "story")
      .addSelect("story.secret")
      .leftJoinAndSelect("story.reviewer", "reviewer")
      .where({ id })
      .getOneOrFail();
  const refused = (work: Promise<unknown>): Promise<boolean> => work.then(() => false, isOptimisticLockError);
  /** Runs `work` with a subscriber each of whose hooks is called once: a hook that writes would call itself. */
  const during = async (
    hooks: Record<string, (event: never) => unknown>,
    work: () => Promise<unknown>,
  ): Promise<void> => {
    const once = Object.entries(hooks).map(([name, hook]) => {
      let isCalled = false;
      const called = (event: never): unknown => {
        if (isCalled) return undefined;
        isCalled = true;
        return hook(event);
      };
      return [name, called];
    });
    mine.subscribers.push({ listenTo: () => Story, ...Object.fromEntries(once) } as never);
    try {
      await work();
    } finally {
      mine.subscribers.pop();
    }
  };

  it("does not take for saved what a subscriber has edited after the write", async () => {
    const story = manager.create(Story, { title: "a" });
    await during({ afterInsert: ({ entity }: { entity: Story }) => void (entity.slug = "slug") }, () =>
      manager.save(story),
    );
    await manager.save(story);
    expect((await stored(story.id)).slug).toBe("slug");
  });

  it("does not turn back what a subscriber has written to the same row", async () => {
    const story = await write({ total: 10 });
    const afterUpdate = (event: { manager: EntityManager }): Promise<unknown> =>
      event.manager.update(Story, { id: story.id }, { total: 20 });
    await during({ afterUpdate }, () => manager.save(Object.assign(story, { title: "b" })));
    await manager.save(Object.assign(story, { title: "c" }));
    expect(await stored(story.id)).toMatchObject({ title: "c", total: 20 });
  });

  it("leaves a conditional update of a subscriber's to its own conditions", async () => {
    const story = await write();
    const afterUpdate = (event: { manager: EntityManager }): Promise<unknown> =>
      event.manager
        .createQueryBuilder()
        .update(Story)
        .set({ total: 1 })
        .where({ id: story.id })
        .andWhere("total > 100")
        .execute();
    await during({ afterUpdate }, () => manager.save(Object.assign(story, { title: "b" })));
    expect(await stored(story.id)).toMatchObject({ title: "b", total: 0 });
  });

  it("keeps the tokens of a row that stands although a subscriber failed after it", async () => {
    const story = await write();
    await mine.transaction(async (transaction) => {
      await during({ afterUpdate: () => Promise.reject(new Error("too late")) }, () =>
        expect(transaction.save(Object.assign(story, { title: "b" }))).rejects.toThrow("too late"),
      );
    });
    await manager.save(Object.assign(story, { title: "c" }));
    expect(await stored(story.id)).toMatchObject({ title: "c", version: story.version });
  });

  it("asks for a token also where nothing but a foreign key is written", async () => {
    const { id } = await write();
    const error: unknown = await manager
      .save(Story, { id, reviewer: { id: 3 } as Writer })
      .catch((e: unknown) => e);
    expect(isMissingTokenError(error)).toBe(true);
    const partial = await manager.findOneOrFail(Story, { select: { id: true }, where: { id } });
    partial.reviewer = { id: 2 } as Writer;
    expect(isMissingTokenError(await manager.save(partial).catch((e: unknown) => e))).toBe(true);
    expect((await stored(id)).reviewer).toBeNull();
  });

  it("keeps edits that reload does not overwrite", async () => {
    Story.useDataSource(mine);
    const { id } = await write();
    const story = await manager.findOneOrFail(Story, { where: { id }, relations: { reviewer: true } });
    story.reviewer = { id: 2 } as Writer;
    story.secret = "new";
    await story.reload();
    await story.save();
    expect(await stored(id)).toMatchObject({ secret: "new", reviewer: { id: 2 } });
  });

  it("writes a relation after its foreign key was written by its own property", async () => {
    const { id } = await write({ writerId: 1 });
    const story = await manager.findOneOrFail(Story, { where: { id }, relations: { writer: true } });
    const first = story.writer;
    story.writer = undefined as never;
    story.writerId = 2;
    await manager.save(story);
    story.writer = first;
    await manager.save(story);
    expect((await stored(id)).writerId).toBe(1);
  });

  it("saves again an entity that is still being inserted", async () => {
    const story = manager.create(Story, { title: "a" });
    const inserting = manager.save(story);
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    story.title = "b";
    await Promise.all([inserting, manager.save(story)]);
    expect(await stored(story.id)).toMatchObject({ title: "b", version: story.version });
  });

  it("takes the version of a form for what it is, also where it is compared in memory", async () => {
    const stories = [await write(), await write()];
    for (const story of stories) Object.assign(story, { version: String(story.version), title: "b" });
    await theirs.query(`UPDATE story SET version = version + 1 WHERE id = ${stories[1]?.id}`);
    const error: unknown = await manager.save(stories).catch((e: unknown) => e);
    expect(isOptimisticLockError(error) && error.conflicts.map(({ id }) => id)).toEqual([
      { id: stories[1]?.id },
    ]);
  });

  it("follows a cascade through relations that cascade something else", async () => {
    const place = await manager.save(manager.create(Place, { name: "here" }));
    const story = await write();
    await manager.save(manager.create(Chapter, { story, place }));
    const loaded = await manager.findOneOrFail(Story, {
      where: { id: story.id },
      relations: { chapters: { place: true } },
    });
    loaded.title = "b";
    (loaded.chapters[0]?.place as Place).name = "there";
    await manager.save(loaded);
    expect(await stored(story.id)).toMatchObject({ title: "b" });
  });

  it("takes a payload that names one row twice, unless the two differ", async () => {
    const { id, version } = await manager.save(manager.create(Place, { name: "here" }));
    const notes = (second: string): Partial<Note>[] =>
      ["first", second].map((name) => ({ place: { id, version, name } }));
    const error: unknown = await manager.save(Note, notes("other")).catch((e: unknown) => e);
    expect(isUncheckedWriteError(error)).toBe(true);
    await manager.save(Note, notes("first"));
    expect(await theirs.manager.findOneByOrFail(Place, { id })).toMatchObject({ name: "first", version: 2 });
  });

  it("is not misled by a transaction that a listener opens elsewhere", async () => {
    const [one, two] = [await write(), await write()];
    await theirs.query(`UPDATE story SET version = version + 1 WHERE id = ${two.id}`);
    beforeStoryUpdate = async () => {
      beforeStoryUpdate = undefined;
      // On SQLite, with one connection, it is a savepoint of the same transaction.
      await mine.transaction((other) => other.query("SELECT 1"));
    };
    await mine.transaction(async (transaction) => {
      const stories = [one, two].map((story) => Object.assign(story, { title: "b" }));
      expect(await refused(transaction.save(stories))).toBe(true);
    });
    expect((await stored(one.id)).title).toBe("a");
  });

  it("checks tokens that are declared in an embedded", async () => {
    await manager.save(
      Object.assign(new Resident(), { id: 1, address: Object.assign(new Address(), { city: "Rome" }) }),
    );
    const resident = await manager.findOneByOrFail(Resident, { id: 1 });
    await theirs.manager.update(Resident, 1, { address: { city: "Oslo" } });
    resident.address.street = "Via Appia";
    const error: unknown = await manager.save(resident).catch((e: unknown) => e);
    expect(isOptimisticLockError(error) && error.conflicts[0]?.expected).toEqual({ "address.city": "Rome" });
    resident.address.city = "Oslo";
    await manager.remove(await manager.findOneByOrFail(Resident, { id: 1 }));
  });

  it("removes all of a list or nothing, also where a token is missing and that is ignored", async () => {
    const lax = await guardDataSource(scratch().dataSource(entities), {
      missingToken: "ignore",
    }).initialize();
    const stale = await lax.manager.findOneByOrFail(Story, { id: (await write()).id });
    const partial = await lax.manager.findOneOrFail(Story, {
      select: { id: true },
      where: { id: (await write()).id },
    });
    await theirs.query(`UPDATE story SET version = version + 1 WHERE id = ${stale.id}`);
    expect(await refused(lax.manager.remove([stale, partial]))).toBe(true);
    expect(await theirs.manager.countBy(Story, [{ id: stale.id }, { id: partial.id }])).toBe(2);
  });

  if (database === "postgres") {
    it("does not wait for what a subscriber has set off on another connection", async () => {
      const [counter, one, two] = [await write(), await write(), await write()];
      let outside: Promise<unknown> = Promise.resolve();
      const beforeUpdate = (): void => {
        outside = mine.manager.increment(Story, { id: counter.id }, "total", 1);
      };
      await mine.transaction(async (transaction) => {
        await transaction.increment(Story, { id: counter.id }, "total", 1);
        await during({ beforeUpdate }, () =>
          transaction.save([Object.assign(one, { title: "b" }), Object.assign(two, { title: "b" })]),
        );
      });
      await outside;
      expect((await stored(counter.id)).total).toBeGreaterThan(1);
    });
  }
});
