import { DataSource, type DataSourceOptions } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import { bareServices, decoratedServices } from "./containers";
import { JournalEntry } from "./journal-entry";
import { openingDay } from "./opening-day";
import { Order } from "./order";
import { Product } from "./product";
import { StockMovement } from "./stock-movement";

const inMemory: DataSourceOptions = { type: "better-sqlite3", database: ":memory:" };

export async function main(database = inMemory): Promise<string[]> {
  const open = (): DataSource =>
    new DataSource({
      ...database,
      entities: [Product, StockMovement, Order, JournalEntry],
      synchronize: true,
      dropSchema: true,
    });

  const bare = await open().initialize();
  const answers = [`bare TypeORM: ${await openingDay(bare, bareServices(bare))}`];
  await bare.destroy();

  const guarded = await guardDataSource(open()).initialize();
  answers.push(`guarded: ${await openingDay(guarded, bareServices(guarded))}`);
  await guarded.destroy();

  const dataSource = await guardDataSource(open()).initialize();
  const desk = decoratedServices(dataSource);
  answers.push(
    `guarded, @UnitOfWork(): ${await openingDay(dataSource, desk)}`,
    `one more: ${await desk.place("fay", 1).then(
      () => "has an order",
      (error: unknown) => (error as Error).message,
    )}`,
  );
  await dataSource.destroy();
  return answers;
}

if (require.main === module) void main().then((answers) => console.log(answers.join("\n")));
