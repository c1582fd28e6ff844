import type { DataSource } from "typeorm";
import type { Guard } from "./guard";

/*
 * Why here: pg-pool takes its own "error" listener off a new connection before TypeORM's is there. When a connection is
 * killed as soon as it is made, "ready" and the server's farewell may arrive together, nobody hears the "error" in
 * between, and Node ends the process. Units of work are run again after a lost connection, for which there has to be a
 * process. The failure itself is not lost: the next statement on the connection is refused.
 *
 * Listens to the DataSource's pools. Checked against TypeORM 0.3.31 and 1.1.1 with pg-pool 3; a test with such a server
 * notices when it stops working. Undone by the returned function.
 */

interface Client {
  on(event: "error", listener: () => void): void;
}

interface Pool {
  on(event: "connect", listener: (client: Client) => void): void;
  removeListener(event: "connect", listener: (client: Client) => void): void;
}

/** Lets the process outlive PostgreSQL connections that are killed when they are new. */
export function hookNewConnections({ dataSource }: Guard): () => void {
  if (dataSource.options.type !== "postgres") return () => undefined;
  const listen = (client: Client): void => client.on("error", () => undefined);
  const pools = poolsOf(dataSource);
  for (const pool of pools) pool.on("connect", listen);
  return () => {
    for (const pool of pools) pool.removeListener("connect", listen);
  };
}

function poolsOf({ driver }: DataSource): Pool[] {
  const { master, slaves = [] } = driver as { readonly master?: Pool; readonly slaves?: readonly Pool[] };
  return [...(master === undefined ? [] : [master]), ...slaves];
}
