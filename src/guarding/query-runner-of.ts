import type { ObjectLiteral, QueryBuilder, QueryRunner } from "typeorm";

/**
 * The query runner that a builder was made with, which the types keep protected. TypeORM's persistence makes its builders
 * with the save's own; undefined for one that will take a connection when it is executed.
 */
export function queryRunnerOf(builder: QueryBuilder<ObjectLiteral>): QueryRunner | undefined {
  return (builder as unknown as { readonly queryRunner?: QueryRunner }).queryRunner;
}
