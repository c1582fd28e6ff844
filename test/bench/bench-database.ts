import { DataSource, type DataSourceOptions } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import type { ScratchDatabase } from "../support/scratch-database";
import { Item, items } from "./item";
import type { Sample } from "./sample";
import { StatementCounter } from "./statement-counter";
import { WideItem } from "./wide-item";

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
      new DataSource({ ...options, entities: [Item, WideItem], logging: true, logger: counter });
    const bare = await connect().initialize();
    const guarded = await guardDataSource(connect()).initialize();
    return new BenchDatabase(options, bare, guarded, counter);
  }

  /** An empty table with `count` new rows in it, whose ids are 1 to `count`. */
  async fill(count: number, sample: Sample = items): Promise<void> {
    await this.bare.synchronize(true);
    await this.add(count, sample);
  }

  /** Inserts `count` rows. */
  async add(count: number, { entity, newRow }: Sample = items): Promise<void> {
    const rows = Array.from({ length: count }, (_, index) => newRow(index));
    for (let start = 0; start < count; start += rowsInStatement) {
      await this.bare.manager.insert(entity, rows.slice(start, start + rowsInStatement));
    }
  }

  async close(): Promise<void> {
    await this.bare.destroy();
    await this.guarded.destroy();
  }
}
