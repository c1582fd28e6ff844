/** What the decorators say, for entities that cannot carry them: an EntitySchema, a class of somebody else's. */
export interface EntityConcurrency {
  /** Property path of the row version, a column that TypeORM knows as one (`version: true` in an EntitySchema). */
  readonly rowVersion?: string;
  /** Property paths of columns whose original values must still hold. */
  readonly concurrencyTokens?: readonly string[];
}
