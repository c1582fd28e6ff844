import type { ObjectLiteral, QueryBuilder, UpdateQueryBuilder } from "typeorm";

/** A query builder class of TypeORM's, as a mixin takes it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- TypeScript asks a mixin's constructor to take any[]
export type BuilderClass<B> = new (...parameters: any[]) => B;

/** TypeORM's SoftDeleteQueryBuilder, which its root does not export by name. */
export type SoftDeleteBuilder = ReturnType<QueryBuilder<ObjectLiteral>["softDelete"]>;

/** Builders of the statements that change rows: an UPDATE, a soft-delete or a restore. */
export type RowBuilder = UpdateQueryBuilder<ObjectLiteral> | SoftDeleteBuilder;
