import { DataSource } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import { Order } from "./order";
import { OrderLine } from "./order-line";

export const dataSource = guardDataSource(
  new DataSource({
    type: "better-sqlite3",
    database: ":memory:",
    entities: [Order, OrderLine],
    synchronize: true,
  }),
);
