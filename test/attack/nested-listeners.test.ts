import {
  Column,
  Entity,
  PrimaryGeneratedColumn,
  type DataSource,
  type InsertEvent,
  type UpdateEvent,
} from "typeorm";
import { RowVersion } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { killConnections, openFresh, withoutHanging } from "./support";

@Entity()
class Product {
  @PrimaryGeneratedColumn() id: number;
  @Column() title: string;
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

const followUps: Record<string, (event: InsertEvent<Audit>) => Promise<unknown>> = {
  insert: (event) => event.manager.insert(Trace, { text: "audit" }),
  save: (event) => event.manager.save(Object.assign(new Trace(), { text: "audit" })),
};

// A database each, since what hangs cannot be closed.
describe.each(Object.keys(followUps))("a subscriber whose insert makes another subscriber %s", (followUp) => {
  eachDatabase((scratch) => {
    it.each([
      ["bare", false],
      ["guarded", true],
    ] as const)("%s", async (_, guarded) => {
      const { dataSource } = await openFresh(scratch(), [Product, Audit, Trace], { guarded });
      const entity = await dataSource.manager.save(Object.assign(new Product(), { title: "a" }));
      dataSource.subscribers.push(
        {
          listenTo: () => Product,
          afterUpdate: (event: UpdateEvent<Product>) => event.manager.insert(Audit, { text: "product" }),
        },
        {
          listenTo: () => Audit,
          afterInsert: followUps[followUp] as (event: InsertEvent<Audit>) => Promise<unknown>,
        },
      );
      entity.title = "b";
      try {
        await withoutHanging(dataSource.manager.save(entity), 3000);
      } catch (error) {
        await killConnections(dataSource, () => scratch().dataSource([]));
        throw error;
      }
      expect(await dataSource.manager.count(Trace)).toBe(1);
      await (dataSource as DataSource).destroy();
    });
  });
});
