import { createHash } from "node:crypto";
import { AfterLoad, Column, Entity, PrimaryGeneratedColumn, type DataSource } from "typeorm";
import { ConcurrencyToken, RowVersion } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { openFresh, worlds } from "./support";

class Address {
  constructor(
    public city: string,
    public street: string,
  ) {}
}

class Money {
  constructor(
    readonly cents: number,
    readonly currency: string,
  ) {}
  toText(): string {
    return `${this.cents} ${this.currency}`;
  }
  static parse(text: string): Money {
    const [cents, currency] = text.split(" ");
    return new Money(Number(cents), currency ?? "");
  }
}

const sha = (text: string): string => createHash("sha256").update(text).digest("hex");

@Entity()
class Person {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  /** A class instance in a JSON column. */
  @Column("simple-json", { nullable: true }) address: Address | null;
  /** One way: hashed on the way in. */
  @Column("varchar", {
    nullable: true,
    transformer: { to: (v: string | null) => (v ? sha(v) : v), from: (v: string) => v },
  })
  password: string | null;
  /** Reading divides, writing does not: written by other means only. */
  @Column("int", { default: 500, transformer: { to: (v: number) => v, from: (v: number) => v / 100 } })
  balance: number;
  @RowVersion() version: number;
}

@Entity()
class Settings {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @Column("simple-json") values: Address;
  @RowVersion() version: number;
  @AfterLoad() revive(): void {
    this.values = Object.assign(new Address("", ""), this.values);
  }
}

@Entity()
class Priced {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @ConcurrencyToken()
  @Column("varchar", {
    transformer: { to: (v: Money) => v?.toText(), from: (v: string) => v && Money.parse(v) },
  })
  price: Money;
  @ConcurrencyToken() @Column("decimal", { precision: 10, scale: 2 }) weight: number | string;
}

eachDatabase((scratch) => {
  describe.each(worlds)("%s", (_, guarded) => {
    let dataSource: DataSource;
    beforeAll(async () => {
      ({ dataSource } = await openFresh(scratch(), [Person, Settings, Priced], { guarded }));
    });
    afterAll(() => (dataSource?.isInitialized ? dataSource.destroy() : undefined));

    it("writes a change inside a class instance that was inserted in a JSON column", async () => {
      const person = Object.assign(new Person(), { name: "a", address: new Address("Rome", "Via 1") });
      await dataSource.manager.save(person);
      person.address!.city = "Milan";
      await dataSource.manager.save(person);
      expect((await dataSource.manager.findOneByOrFail(Person, { id: person.id })).address?.city).toBe(
        "Milan",
      );
    });

    it("writes a change inside a class instance that a loaded entity was given in a JSON column", async () => {
      const { id } = await dataSource.manager.save(Object.assign(new Person(), { name: "a", address: null }));
      const person = await dataSource.manager.findOneByOrFail(Person, { id });
      person.address = new Address("Rome", "Via 1");
      await dataSource.manager.save(person);
      person.address.city = "Milan";
      await dataSource.manager.save(person);
      expect((await dataSource.manager.findOneByOrFail(Person, { id })).address?.city).toBe("Milan");
    });

    it("writes a change inside a class instance that an AfterLoad made of a JSON column", async () => {
      const { id } = await dataSource.manager.save(
        Object.assign(new Settings(), { name: "a", values: new Address("Rome", "Via 1") }),
      );
      const settings = await dataSource.manager.findOneByOrFail(Settings, { id });
      settings.values.city = "Milan";
      await dataSource.manager.save(settings);
      expect((await dataSource.manager.findOneByOrFail(Settings, { id })).values.city).toBe("Milan");
    });

    it("leaves a column with a one-way transformer alone when another column is saved", async () => {
      const { id } = await dataSource.manager.save(
        Object.assign(new Person(), { name: "a", password: "secret" }),
      );
      const person = await dataSource.manager.findOneByOrFail(Person, { id });
      person.name = "b";
      await dataSource.manager.save(person);
      expect((await dataSource.manager.findOneByOrFail(Person, { id })).password).toBe(sha("secret"));
    });

    it("leaves a column that is only transformed on reading alone when another column is saved", async () => {
      const { id } = await dataSource.manager.save(Object.assign(new Person(), { name: "a" }));
      const person = await dataSource.manager.findOneByOrFail(Person, { id });
      expect(person.balance).toBe(5);
      person.name = "b";
      await dataSource.manager.save(person);
      expect((await dataSource.manager.findOneByOrFail(Person, { id })).balance).toBe(5);
    });

    it("does not write an unchanged entity whose column is only transformed on reading", async () => {
      const { id } = await dataSource.manager.save(Object.assign(new Person(), { name: "a" }));
      const person = await dataSource.manager.findOneByOrFail(Person, { id });
      await dataSource.manager.save(person);
      expect((await dataSource.manager.findOneByOrFail(Person, { id })).version).toBe(1);
    });

    it("keeps a token that a transformer makes a class instance of, through insert and updates", async () => {
      const priced = Object.assign(new Priced(), { name: "a", price: new Money(100, "EUR"), weight: 5 });
      await dataSource.manager.save(priced);
      expect(priced.price).toBeInstanceOf(Money);
      expect(priced.price.toText()).toBe("100 EUR");
      priced.price = new Money(200, "EUR");
      await dataSource.manager.save(priced);
      expect(priced.price).toBeInstanceOf(Money);
      expect(priced.price.toText()).toBe("200 EUR");
      priced.name = "b";
      await dataSource.manager.save(priced);
      const row = await dataSource.manager.findOneByOrFail(Priced, { id: priced.id });
      expect(row.price).toEqual(new Money(200, "EUR"));
      row.price = new Money(300, "USD");
      await dataSource.manager.save(row);
      expect(row.price).toEqual(new Money(300, "USD"));
    });
  });
});
