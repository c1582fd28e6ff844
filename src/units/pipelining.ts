import type { Writable } from "node:stream";
import type { QueryRunner } from "typeorm";
import type { Guard } from "../guarding/guard";
import { isToldOfQueries } from "../guarding/observers";

/** A client of `pg` from 8.23 on, which can send a query before the one before it is answered. */
export interface PipeliningClient {
  pipeline: boolean;
  readonly connection: { readonly stream: Writable };
}

interface MaybePipelining {
  readonly pipeline?: unknown;
  readonly connection?: { readonly stream?: Partial<Writable> };
}

/**
 * The client of a connected query runner, if it can pipeline. Whether it does is looked at with each query and is changed
 * only while none is on its way. A subscriber that is told of queries may put them into another order.
 */
export function pipeliningClient(guard: Guard, queryRunner: QueryRunner): PipeliningClient | undefined {
  if (guard.dialect !== "postgres" || isToldOfQueries(guard)) return undefined;
  const { databaseConnection: client } = queryRunner as { readonly databaseConnection?: MaybePipelining };
  // pg-native's client has no stream of its own, and not every stream there is can be corked.
  const canPipeline =
    typeof client?.pipeline === "boolean" && typeof client.connection?.stream?.cork === "function";
  return canPipeline ? (client as PipeliningClient) : undefined;
}
