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
  PrimaryGeneratedColumn,
  type DataSource,
  type Relation,
} from "typeorm";
import { guardDataSource, OptimisticLockError, RowVersion } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";

abstract class Base {
  @PrimaryGeneratedColumn() id: number;
  @RowVersion() version: number;
  @Column({ default: "" }) name: string;
}

@Entity()
class Company extends Base {
  @OneToOne(() => Address, (address) => address.company, { cascade: true })
  @JoinColumn()
  address: Relation<Address>;
  @OneToMany(() => Person, (person) => person.company, { cascade: true }) people: Relation<Person[]>;
  @OneToMany(() => Car, (car) => car.owner) cars: Relation<Car[]>;
  @ManyToMany(() => Label, { cascade: true }) @JoinTable() labels: Relation<Label[]>;
}

@Entity()
class Address extends Base {
  @OneToOne(() => Company, (company) => company.address) company: Relation<Company>;
}

@Entity()
class Person extends Base {
  @ManyToOne(() => Company, (company) => company.people, { cascade: ["insert", "update"] })
  company: Relation<Company> | null;
}

@Entity()
class Car extends Base {
  @ManyToOne(() => Company, (company) => company.cars) owner: Relation<Company> | null;
}

@Entity()
class Label extends Base {}

const entities = [Company, Address, Person, Car, Label];

eachDatabase((scratch) => {
  let mine: DataSource;
  let theirs: DataSource;
  beforeAll(async () => {
    mine = await guardDataSource(scratch().dataSource(entities, { synchronize: true })).initialize();
    theirs = await guardDataSource(scratch().dataSource(entities)).initialize();
  });

  const create = (): Promise<Company> =>
    mine.manager.save(
      mine.manager.create(Company, {
        name: "acme",
        address: { name: "here" },
        people: [{ name: "ann" }, { name: "bob" }],
        labels: [{ name: "red" }],
      }),
    );
  const load = (id: number): Promise<Company> =>
    mine.manager.findOneOrFail(Company, {
      where: { id },
      relations: { address: true, people: true, labels: true, cars: true },
      order: { people: { id: "ASC" } },
    });
  const refusal = async (work: Promise<unknown>): Promise<OptimisticLockError> => {
    const error: unknown = await work.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OptimisticLockError);
    return error as OptimisticLockError;
  };

  it("gives every entity of a graph its version, when it is made and when it is changed", async () => {
    const company = await create();
    const all = (): Base[] => [company, company.address, ...company.people, ...company.labels];
    expect(all().map(({ version }) => version)).toEqual([1, 1, 1, 1, 1]);
    for (const [index, entity] of all().entries()) entity.name = `changed ${index}`;
    await mine.manager.save(company);
    const stored = await load(company.id);
    const versions = [stored, stored.address, ...stored.people, ...stored.labels].map(
      ({ version }) => version,
    );
    expect(all().map(({ version }) => version)).toEqual(versions);
    expect(versions).toEqual([2, 2, 2, 2, 2]);
  });

  it("writes a graph whose unchanged parts are stale, and leaves those as they are", async () => {
    const { id } = await create();
    const company = await load(id);
    const other = await theirs.manager.findOneByOrFail(Person, { id: company.people[1]?.id as number });
    await theirs.manager.save(Object.assign(other, { name: "theirs" }));
    company.name = "mine";
    await mine.manager.save(company);
    const stored = await load(id);
    expect([stored.name, stored.people.map(({ name }) => name)]).toEqual(["mine", ["ann", "theirs"]]);
  });

  it("reports the conflicts of every kind of entity in a graph, and writes none of it", async () => {
    const { id } = await create();
    const company = await load(id);
    await theirs.manager.increment(Address, { id: company.address.id }, "version", 1);
    await theirs.manager.update(Label, company.labels[0]?.id as number, { name: "theirs" });
    await theirs.manager.delete(Person, company.people[0]?.id as number);
    company.name = "mine";
    company.address.name = "mine";
    for (const part of [...company.people, ...company.labels]) part.name = "mine";
    const { conflicts } = await refusal(mine.manager.save(company));
    expect(conflicts.map(({ entityName, reason }) => `${entityName} ${reason}`).sort()).toEqual([
      "Address modified",
      "Label modified",
      "Person deleted",
    ]);
    const stored = await load(id);
    expect([stored.name, stored.people.map(({ name }) => name)]).toEqual(["acme", ["bob"]]);
  });

  it("checks a parent that a child cascades to", async () => {
    const { id } = await create();
    const { people } = await load(id);
    const person = await mine.manager.findOneOrFail(Person, {
      where: { id: people[0]?.id as number },
      relations: { company: true },
    });
    await theirs.manager.update(Company, id, { name: "theirs" });
    person.name = "mine";
    (person.company as Company).name = "mine";
    const { conflicts } = await refusal(mine.manager.save(person));
    expect(conflicts).toMatchObject([{ entityName: "Company", id: { id } }]);
    expect((await load(id)).people[0]?.name).toBe("ann");
  });

  it("checks and follows a member whose foreign key alone is written through its parent", async () => {
    const company = await load((await create()).id);
    const [car, stale] = await mine.manager.save(
      [{ name: "a" }, { name: "b" }].map((its) => mine.manager.create(Car, its)),
    );
    company.cars = [car as Car];
    await mine.manager.save(company);
    expect(car?.version).toBe(2);
    await mine.manager.save(Object.assign(car as Car, { name: "still fresh" }));

    await theirs.manager.update(Car, stale?.id as number, { name: "theirs" });
    company.cars = [car as Car, stale as Car];
    const { conflicts } = await refusal(mine.manager.save(company));
    expect(conflicts).toMatchObject([{ entityName: "Car", id: { id: stale?.id } }]);
  });

  it("notices a change of nothing but a many-to-one relation", async () => {
    const [first, second] = [await create(), await create()];
    const person = await mine.manager.findOneByOrFail(Person, { id: first.people[0]?.id as number });
    await theirs.manager.update(Person, person.id, { name: "theirs" });
    person.company = second;
    await refusal(mine.manager.save(person));
    expect((await load(second.id)).people).toHaveLength(2);
  });

  it("removes a graph in one go, refused as a whole when one part is stale", async () => {
    const { id } = await create();
    const people = (await load(id)).people;
    await theirs.manager.update(Person, people[1]?.id as number, { name: "theirs" });
    const { conflicts } = await refusal(mine.manager.remove(people));
    expect(conflicts).toMatchObject([{ id: { id: people[1]?.id }, operation: "remove" }]);
    const fresh = (await load(id)).people;
    expect(fresh).toHaveLength(2);
    await mine.manager.remove(fresh);
    expect((await load(id)).people).toEqual([]);
  });

  it("leaves the relations of an embedded alone that also holds a part of the key", async () => {
    class Counters {
      @PrimaryColumn("int") code: number;
      @Column("int") likes: number;
      @ManyToMany(() => Label) @JoinTable({ name: "counted_likers" }) likers: Relation<Label[]>;
    }
    @Entity()
    class Counted {
      @PrimaryColumn("int") id: number;
      @RowVersion() version: number;
      @Column(() => Counters) counters: Counters;
    }
    const other = await guardDataSource(
      scratch().dataSource([...entities, Counted], { synchronize: true }),
    ).initialize();
    const [red, blue] = await other.manager.save(
      [{ name: "red" }, { name: "blue" }].map((its) => other.manager.create(Label, its)),
    );
    const counted = Object.assign(new Counted(), {
      id: 1,
      counters: Object.assign(new Counters(), { code: 5, likes: 1, likers: [red] }),
    });
    await other.manager.save(counted);
    counted.counters.likers.push(blue as Label);
    counted.counters.likes = 2;
    await other.manager.save(counted);
    const stored = await other.manager.findOneOrFail(Counted, {
      where: { id: 1 },
      relations: { counters: { likers: true } },
    });
    expect([stored.version, stored.counters.likes, stored.counters.likers.length]).toEqual([2, 2, 2]);
    stored.counters.likes = 3;
    await other.query("DELETE FROM counted_likers");
    await other.query("DELETE FROM counted");
    expect((await refusal(other.manager.save(stored))).conflicts).toMatchObject([{ reason: "deleted" }]);
  });

  it("knows entities that came by joins, by separate queries, by find and count, and lazily", async () => {
    const { id } = await create();
    const viaBuilder = await mine
      .getRepository(Company)
      .createQueryBuilder("company")
      .leftJoinAndSelect("company.people", "person")
      .where({ id })
      .getOneOrFail();
    const viaQueries = await mine.manager.findOneOrFail(Company, {
      where: { id },
      relations: { people: true },
      relationLoadStrategy: "query",
    });
    const [[viaCount]] = await mine.manager.findAndCount(Company, {
      where: { id },
      relations: { people: true },
    });
    await theirs.manager.update(Person, { name: "ann" }, { name: "theirs" });
    for (const company of [viaBuilder, viaQueries, viaCount as Company]) {
      await mine.manager.save(company);
      for (const person of company.people) person.name = "mine";
      await refusal(mine.manager.save(company));
    }
  });
});
