import type { ObjectLiteral, QueryRunner } from "typeorm";

/** Entities whose rows must be as they were read when a transaction commits, by the transaction's query runner. */
export class Verifications {
  readonly #entities = new WeakMap<QueryRunner, Set<ObjectLiteral>>();

  add(queryRunner: QueryRunner, entities: readonly ObjectLiteral[]): void {
    this.#entities.set(queryRunner, new Set([...this.#of(queryRunner), ...entities]));
  }

  /** The entities of a transaction that ends, which are forgotten. */
  take(queryRunner: QueryRunner): ObjectLiteral[] {
    const entities = [...this.#of(queryRunner)];
    this.#entities.delete(queryRunner);
    return entities;
  }

  #of(queryRunner: QueryRunner): ReadonlySet<ObjectLiteral> {
    return this.#entities.get(queryRunner) ?? new Set();
  }
}
