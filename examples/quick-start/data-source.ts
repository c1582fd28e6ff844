import { DataSource } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import { Product } from "./product";

export const dataSource = guardDataSource(
  new DataSource({ type: "better-sqlite3", database: ":memory:", entities: [Product], synchronize: true }),
);
