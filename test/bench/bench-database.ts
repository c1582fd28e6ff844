import { DataSource, type DataSourceOptions } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import type { ScratchDatabase } from "../support/scratch-database";
import { Item } from "./item";
import { StatementCounter } from "./statement-counter";

const rowsInStatement = 500;

/** One database, seen through a bare and through a guarded DataSource. */
export class BenchDatabase {
  private constructor(
    readonly options: DataSourceOptions,
    readonly bare: DataSource,
    readonly guarded: DataSource,
    readonly counter: StatementCounter,
  ) {}

  static async open({ options }: ScratchDatabase, counter = new StatementCounter()): Promise<BenchDatabase> {
    const connect = (): DataSource =>
      new DataSource({ ...options, entities: [Item], logging: true, logger: counter });
    const bare = await connect().initialize();
    const guarded = await guardDataSource(connect()).initialize();
    return new BenchDatabase(options, bare, guarded, counter);
  }

  /** An empty table with `count` new rows in it, whose ids are 1 to `count`. */
  async fill(count: number): Promise<void> {
    await this.bare.synchronize(true);
    await this.add(count);
  }

  /** Inserts `count` rows. */
  async add(count: number): Promise<void> {
    const rows = Array.from({ length: count }, (_, index) => newRow(index));
    for (let start = 0; start < count; start += rowsInStatement) {
      await this.bare.manager.insert(Item, rows.slice(start, start + rowsInStatement));
    }
  }

  async close(): Promise<void> {
    await this.bare.destroy();
    await this.guarded.destroy();
  }
}

function newRow(index: number): Partial<Item> {
  return {
    name: `item ${index}`,
    description: `what is to be said about item ${index}, in a sentence of ordinary length`,
    price: index % 100,
    stock: 1000,
    isListed: true,
    listedAt: new Date(2025, 0, 1, 0, 0, index % 60),
  };
}
