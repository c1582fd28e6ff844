import { declare } from "./declaration";

/**
 * This column's original value, the one the entity was loaded with, must still be in the row when the entity is
 * saved or removed. The column itself is declared as usual, with `@Column()` or one of its kin; on a many-to-one or
 * owning one-to-one relation the token is the foreign key, whether the relation is loaded or not.
 *
 * Any number per entity, with or without a row version; all of them must hold. Dates are compared to the
 * millisecond, the precision of a JavaScript Date; text byte for byte, whatever the column's collation; null with
 * `IS NULL`.
 */
export function ConcurrencyToken(): PropertyDecorator {
  return (prototype, property) => declare(prototype.constructor, { concurrencyTokens: [String(property)] });
}
