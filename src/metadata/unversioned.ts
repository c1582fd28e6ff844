import { declare } from "./declaration";

/**
 * A change to this column alone neither checks the row nor raises its version: for counters, "last seen" and the like,
 * which nobody minds to see overwritten. Written together with other columns it is one of them, and the others are
 * checked as always.
 *
 * The column itself is declared as usual, with `@Column()` or one of its kin.
 */
export function Unversioned(): PropertyDecorator {
  return (prototype, property) => declare(prototype.constructor, { unversioned: [String(property)] });
}
