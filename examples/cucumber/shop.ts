import { DataSource, type DataSourceOptions } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import { Product } from "./product";
import { SentUpdates } from "./sent-updates";

/** A shop that sells cucumbers, and what it sends to its database. */
export class Shop {
  readonly sent = new SentUpdates();
  readonly dataSource: DataSource;

  constructor(database: DataSourceOptions) {
    this.dataSource = guardDataSource(
      new DataSource({ ...database, entities: [Product], logging: true, logger: this.sent }),
    );
  }

  /** Puts the cucumber back into the shop as it was in the beginning. */
  async restock(): Promise<void> {
    await this.dataSource.synchronize(true);
    await this.dataSource.manager.insert(Product, { id: 1, title: "Cucumber", price: 99, stock: 10 });
  }

  cucumber(): Promise<Product> {
    return this.dataSource.manager.findOneByOrFail(Product, { id: 1 });
  }
}
