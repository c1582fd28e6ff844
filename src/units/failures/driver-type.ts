import type { DataSourceOptions } from "typeorm";

/** TypeORM's name of a driver, as in the options of a DataSource. */
export type DriverType = DataSourceOptions["type"];
