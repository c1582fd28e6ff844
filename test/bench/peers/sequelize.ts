import type { BenchDatabase } from "../bench-database";
import type { Contender } from "../operation";
import { loadPeer } from "./load-peer";

interface SequelizeModule {
  readonly Sequelize: new (url: string, options: object) => Connection;
  readonly DataTypes: Record<"INTEGER" | "STRING" | "BOOLEAN" | "DATE", unknown>;
}

interface Connection {
  define(name: string, attributes: object, options: object): Model;
  transaction<T>(work: (transaction: unknown) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

interface Model {
  findByPk(id: number, options: object): Promise<Instance | null>;
}

interface Instance {
  stock: number;
  save(options: object): Promise<unknown>;
}

/** Find, change and save by Sequelize, whose UPDATE checks the version. */
export async function unitBySequelize({ counter, options }: BenchDatabase, id: number): Promise<Contender> {
  const { DataTypes, Sequelize } = loadPeer<SequelizeModule>("sequelize");
  const connection = new Sequelize((options as { url: string }).url, { logging: () => counter.logQuery() });
  const items = connection.define(
    "Item",
    {
      name: DataTypes.STRING,
      description: DataTypes.STRING,
      price: DataTypes.INTEGER,
      stock: DataTypes.INTEGER,
      isListed: DataTypes.BOOLEAN,
      listedAt: DataTypes.DATE,
    },
    { tableName: "item", timestamps: false, version: true },
  );
  return {
    name: "Sequelize, version: true",
    run: () =>
      connection.transaction(async (transaction) => {
        const item = await items.findByPk(id, { transaction });
        if (item === null) throw new Error("Sequelize did not find its row.");
        item.stock -= 1;
        await item.save({ transaction });
      }),
    close: () => connection.close(),
  };
}
