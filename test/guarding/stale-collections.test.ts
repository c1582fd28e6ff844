import {
  Column,
  Entity,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryColumn,
  type DataSource,
  type Relation,
} from "typeorm";
import { guardDataSource, isOptimisticLockError, RowVersion, VersionedRelation } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";

/** Its collections are guarded against staleness, though they do not count as changes of it. */
@Entity()
class Album {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) title: string;
  @RowVersion() version: number;
  @OneToMany(() => Photo, (photo) => photo.album, { cascade: true }) photos: Relation<Photo[]>;
  @OneToMany(() => Owned, (owned) => owned.album, { cascade: true }) owned: Relation<Owned[]>;
  @ManyToMany(() => Person, (person) => person.albums, { cascade: true }) @JoinTable() people: Relation<
    Person[]
  >;
  @OneToOne(() => Cover, (cover) => cover.album, { cascade: true }) cover: Relation<Cover> | null;
}

@Entity()
class Photo {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) text: string;
  @ManyToOne(() => Album, (album) => album.photos, { nullable: true }) album: Relation<Album> | null;
}

/** Cannot be without its album: TypeORM deletes it when it leaves the collection. */
@Entity()
class Owned {
  @PrimaryColumn("int") id: number;
  @ManyToOne(() => Album, (album) => album.owned, { nullable: false, orphanedRowAction: "delete" })
  album: Relation<Album>;
}

@Entity()
class Cover {
  @PrimaryColumn("int") id: number;
  @OneToOne(() => Album, (album) => album.cover, { nullable: true })
  @JoinColumn()
  album: Relation<Album> | null;
}

@Entity()
class Person {
  @PrimaryColumn("int") id: number;
  @RowVersion() version: number;
  @ManyToMany(() => Album, (album) => album.people) albums: Relation<Album[]>;
}

@Entity()
class LazyAlbum {
  @PrimaryColumn("int") id: number;
  @RowVersion() version: number;
  @VersionedRelation()
  @OneToMany(() => LazyPhoto, (photo) => photo.album, { cascade: true, lazy: true })
  photos: Promise<LazyPhoto[]>;
  @OneToMany(() => LazyNote, (note) => note.album, { cascade: true, lazy: true }) notes: Promise<LazyNote[]>;
}

@Entity()
class LazyNote {
  @PrimaryColumn("int") id: number;
  @ManyToOne(() => LazyAlbum, (album) => album.notes, { nullable: true, lazy: true })
  album: Promise<LazyAlbum | null>;
}

@Entity()
class LazyPhoto {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) text: string;
  @ManyToOne(() => LazyAlbum, (album) => album.photos, { nullable: true, lazy: true })
  album: Promise<LazyAlbum | null>;
}

const make = <T extends object>(Target: new () => T, values: object): T =>
  Object.assign(new Target(), values);

eachDatabase((scratch) => {
  let dataSource: DataSource;

  beforeAll(async () => {
    dataSource = guardDataSource(
      scratch().dataSource([Album, Photo, Owned, Cover, Person, LazyAlbum, LazyPhoto, LazyNote], {
        synchronize: true,
      }),
    );
    await dataSource.initialize();
  });
  beforeEach(async () => {
    const { manager } = dataSource;
    await manager.createQueryBuilder().delete().from("album_people_person").execute();
    for (const entity of [Photo, Owned, Cover, Person, LazyPhoto, LazyNote, LazyAlbum, Album]) {
      await manager.createQueryBuilder().delete().from(entity).execute();
    }
    await manager.save(
      make(Album, {
        id: 1,
        photos: [make(Photo, { id: 1 }), make(Photo, { id: 2 })],
        owned: [make(Owned, { id: 1 })],
        people: [make(Person, { id: 1 }), make(Person, { id: 2 })],
        cover: make(Cover, { id: 1 }),
      }),
    );
    await manager.save(make(Album, { id: 2, photos: [], owned: [], people: [] }));
  });

  const load = (id = 1): Promise<Album> =>
    dataSource.manager.findOneOrFail(Album, {
      where: { id },
      relations: { photos: true, owned: true, people: true, cover: true },
    });
  const ids = (members: readonly { id: number }[]): number[] => members.map(({ id }) => id).sort();

  it("a stale collection detaches nobody else's member", async () => {
    const [stale, fresh] = [await load(), await load()];
    fresh.photos.push(make(Photo, { id: 3 }));
    fresh.owned.push(make(Owned, { id: 3 }));
    fresh.people.push(make(Person, { id: 3 }));
    await dataSource.manager.save(fresh);
    stale.photos.push(make(Photo, { id: 4 }));
    stale.owned.push(make(Owned, { id: 4 }));
    stale.people.push(make(Person, { id: 4 }));
    await dataSource.manager.save(stale);
    const album = await load();
    expect([ids(album.photos), ids(album.owned), ids(album.people)]).toEqual([
      [1, 2, 3, 4],
      [1, 3, 4],
      [1, 2, 3, 4],
    ]);
    expect(await dataSource.manager.count(Owned)).toBe(3);
  });

  it("a stale collection attaches nothing that others have detached", async () => {
    const [stale, fresh] = [await load(), await load()];
    fresh.photos = fresh.photos.filter(({ id }) => id === 1);
    fresh.people = fresh.people.filter(({ id }) => id === 1);
    fresh.cover = null;
    await dataSource.manager.save(fresh);
    stale.photos.push(make(Photo, { id: 4 }));
    await dataSource.manager.save(stale);
    const album = await load();
    expect([ids(album.photos), ids(album.people), album.cover]).toEqual([[1, 4], [1], null]);
  });

  it("what the caller has added and removed is still done, also when others have done the same", async () => {
    const [stale, fresh] = [await load(), await load()];
    await dataSource.manager.save(make(Person, { id: 5 }));
    for (const album of [fresh, stale]) {
      album.photos = [...album.photos.filter(({ id }) => id === 1), make(Photo, { id: 9 })];
      album.people = [...album.people.filter(({ id }) => id === 1), { id: 5 } as Person];
      await dataSource.manager.save(album);
    }
    const album = await load();
    expect([ids(album.photos), ids(album.people)]).toEqual([
      [1, 9],
      [1, 5],
    ]);
  });

  it("one object can be saved again and again with other members", async () => {
    const album = await load();
    for (const members of [[1, 2, 3], [3], [], [2, 3], [1]]) {
      album.photos = members.map((id) => make(Photo, { id }));
      album.people = members.map((id) => ({ id }) as Person);
      if (members.includes(3)) await dataSource.manager.upsert(Person, { id: 3 }, ["id"]);
      await dataSource.manager.save(album);
      const now = await load();
      expect([ids(now.photos), ids(now.people)]).toEqual([members, members]);
    }
  });

  it("a collection that was never loaded is replaced as a whole", async () => {
    const album = await dataSource.manager.findOneByOrFail(Album, { id: 1 });
    album.photos = [make(Photo, { id: 7 })];
    await dataSource.manager.save(album);
    expect(ids((await load()).photos)).toEqual([7]);
  });

  it("from the other side of a many-to-many relation it is the same", async () => {
    const stale = await dataSource.manager.findOneOrFail(Person, {
      where: { id: 1 },
      relations: { albums: true },
    });
    await dataSource.createQueryBuilder().relation(Person, "albums").of(1).add(2);
    stale.albums = [];
    await dataSource.manager.save(stale);
    const person = await dataSource.manager.findOneOrFail(Person, {
      where: { id: 1 },
      relations: { albums: true },
    });
    expect(ids(person.albums)).toEqual([2]);
  });

  it("a rollback takes back what is known of the collections", async () => {
    const album = await load();
    album.photos.push(make(Photo, { id: 3 }));
    await dataSource
      .transaction(async (manager) => {
        await manager.save(album);
        throw new Error("undo");
      })
      .catch(() => undefined);
    await dataSource.manager.save(album);
    expect(ids((await load()).photos)).toEqual([1, 2, 3]);
  });

  it("a lazy collection is one like any other once it was awaited", async () => {
    await dataSource.manager.insert(LazyAlbum, { id: 1 });
    await dataSource.manager.query(
      "INSERT INTO lazy_photo (id, text, \"albumId\") VALUES (1, '', 1)".replace(
        /"/g,
        dataSource.options.type === "mariadb" ? "`" : '"',
      ),
    );
    const open = async (): Promise<LazyAlbum> => {
      const album = await dataSource.manager.findOneByOrFail(LazyAlbum, { id: 1 });
      await album.photos;
      return album;
    };
    const [stale, fresh] = [await open(), await open()];
    (await fresh.photos).push(make(LazyPhoto, { id: 2 }));
    await dataSource.manager.save(fresh);
    expect(fresh.version).toBe(2);
    (await stale.photos).push(make(LazyPhoto, { id: 3 }));
    const error: unknown = await dataSource.manager.save(stale).catch((refusal: unknown) => refusal);
    expect(isOptimisticLockError(error)).toBe(true);
    expect(ids(await (await open()).photos)).toEqual([1, 2]);
    const reopened = await open();
    await dataSource.manager.save(Object.assign((await reopened.photos)[0] as LazyPhoto, { text: "alone" }));
    expect(reopened.version).toBe(3);
    const unchanged = await open();
    await dataSource.manager.save(unchanged);
    expect(unchanged.version).toBe(3);
  });

  it("a stale lazy collection detaches nobody else's member", async () => {
    await dataSource.manager.insert(LazyAlbum, { id: 1 });
    const open = async (): Promise<LazyAlbum> => {
      const album = await dataSource.manager.findOneByOrFail(LazyAlbum, { id: 1 });
      await album.notes;
      return album;
    };
    const [stale, fresh] = [await open(), await open()];
    (await fresh.notes).push(make(LazyNote, { id: 1 }));
    await dataSource.manager.save(fresh);
    (await stale.notes).push(make(LazyNote, { id: 2 }));
    await dataSource.manager.save(stale);
    expect(ids(await (await open()).notes)).toEqual([1, 2]);
  });
});
