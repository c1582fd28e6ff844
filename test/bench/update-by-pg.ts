import { Client } from "pg";
import type { BenchDatabase } from "./bench-database";
import { Item } from "./item";
import type { Contender } from "./operation";

/** The same checked UPDATE by PostgreSQL's own driver: what the database and the way to it take. */
export async function updateByPg({ options, bare, counter }: BenchDatabase, id: number): Promise<Contender> {
  const item = await bare.manager.findOneByOrFail(Item, { id });
  const client = new Client({ connectionString: (options as { url: string }).url });
  // When the server goes away the next query says so.
  client.on("error", () => undefined);
  await client.connect();
  return {
    name: "pg itself, WHERE id AND version",
    async run() {
      item.stock -= 1;
      counter.logQuery();
      const { rowCount } = await client.query(
        "UPDATE item SET stock = $1, version = version + 1 WHERE id = $2 AND version = $3",
        [item.stock, id, item.version],
      );
      if (rowCount !== 1) throw new Error("pg found its row changed.");
      item.version += 1;
    },
    close: () => client.end(),
  };
}
