import type { Writable } from "node:stream";
import type { QueryRunner } from "typeorm";
import type { Guard } from "../guarding/guard";
import { isToldOfQueries } from "../guarding/observers";

/** A client of `pg` from 8.23 on, which can send a query before the one before it is answered. */
export interface PipeliningClient {
  pipeline: boolean;
  readonly connection: { readonly stream: Writable };
}

/**
 * The client of a connected query runner, if it can pipeline. Whether it does is looked at with each query and is changed
 * only while none is on its way. A subscriber that is told of queries may put them into another order.
 */
export function pipeliningClient(guard: Guard, queryRunner: QueryRunner): PipeliningClient | undefined {
  if (guard.dialect !== "postgres" || isToldOfQueries(guard)) return undefined;
  const { databaseConnection } = queryRunner as { readonly databaseConnection?: Partial<PipeliningClient> };
  return typeof databaseConnection?.pipeline === "boolean"
    ? (databaseConnection as PipeliningClient)
    : undefined;
}
