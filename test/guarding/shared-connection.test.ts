import { Column, Entity, PrimaryColumn, type DataSource } from "typeorm";
import { guardDataSource, isOptimisticLockError, RowVersion } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";

@Entity()
class Counter {
  @PrimaryColumn("int") id: number;
  @Column("int", { default: 0 }) value: number;
  @RowVersion() version: number;
}

eachDatabase(
  (scratch) => {
    let mine: DataSource;
    beforeAll(async () => {
      mine = await guardDataSource(scratch().dataSource([Counter], { synchronize: true })).initialize();
    });
    beforeEach(async () => {
      await mine.manager.clear(Counter);
      await mine.manager.insert(
        Counter,
        [...Array(20).keys()].map((id) => ({ id })),
      );
    });

    // One connection: without turns the saves run in each other's transactions, and a refusal takes its
    // neighbours' acknowledged writes back with it.
    it("keeps what was acknowledged when a save beside it is refused", async () => {
      const counters = await mine.manager.find(Counter, { order: { id: "ASC" } });
      await mine.manager.update(Counter, [3, 7, 11], { value: -1 });
      for (const counter of counters) counter.value = 1;
      const outcomes = await Promise.allSettled(counters.map((counter) => mine.manager.save(counter)));
      const refused = outcomes.flatMap((outcome, id) =>
        outcome.status === "rejected" && isOptimisticLockError(outcome.reason) ? [id] : [],
      );
      expect(refused).toEqual([3, 7, 11]);
      const stored = await mine.manager.find(Counter, { order: { id: "ASC" } });
      expect(stored.map(({ value }) => value)).toEqual(
        counters.map(({ id }) => (refused.includes(id) ? -1 : 1)),
      );
      expect(stored.map(({ version }) => version)).toEqual(stored.map(() => 2));
    });

    it("lets a listener's save go through inside the save that called it", async () => {
      const subscriber = {
        listenTo: () => Counter,
        beforeUpdate: async (event: { manager: typeof mine.manager; entity?: Counter }) => {
          if (event.entity?.id !== 0) return;
          const other = await event.manager.findOneByOrFail(Counter, { id: 1 });
          other.value += 1;
          await event.manager.save(other);
        },
      };
      mine.subscribers.push(subscriber as never);
      const counter = await mine.manager.findOneByOrFail(Counter, { id: 0 });
      counter.value = 5;
      await mine.manager.save(counter);
      mine.subscribers.pop();
      expect((await mine.manager.findOneByOrFail(Counter, { id: 1 })).value).toBe(1);
    });
  },
  ["sqlite"],
);
