import type { EntityMetadata } from "typeorm";

/** TypeORM's RelationMetadata, which the root of 0.3 does not export by name. */
export type RelationMetadata = EntityMetadata["relations"][number];
