import type { ObjectLiteral, QueryRunner } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";

/** Loads entities by the key that a relation points to them with, each once. */
export class RelatedEntities {
  readonly #loaded = new Map<RelationMetadata, Map<string, Promise<ObjectLiteral>>>();

  constructor(private readonly queryRunner: QueryRunner) {}

  /** The related entity as any `find` loads it, soft-deleted or not; by its key alone where there is no such row. */
  async load(relation: RelationMetadata, key: ObjectLiteral): Promise<ObjectLiteral> {
    const ofRelation = this.#loaded.get(relation) ?? new Map<string, Promise<ObjectLiteral>>();
    this.#loaded.set(relation, ofRelation);
    const text = JSON.stringify(key);
    const loaded = ofRelation.get(text) ?? this.#find(relation, key);
    ofRelation.set(text, loaded);
    return loaded;
  }

  async #find({ inverseEntityMetadata }: RelationMetadata, key: ObjectLiteral): Promise<ObjectLiteral> {
    const found = await this.queryRunner.manager.findOne<ObjectLiteral>(inverseEntityMetadata.target, {
      where: key,
      withDeleted: true,
    });
    return found ?? key;
  }
}
