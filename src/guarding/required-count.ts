import { UncheckedWriteError } from "../errors/unchecked-write-error";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";

/** How many rows a statement changed; throws where the driver cannot tell, for then nothing is checked. */
export function requireCount(
  { dataSource }: Guard,
  row: GuardedRow,
  affected: number | null | undefined,
): number {
  if (typeof affected === "number") return affected;
  throw new UncheckedWriteError(
    row.description.metadata.name,
    `cannot be guarded on ${dataSource.driver.options.type}: its driver does not say how many rows a statement changed.`,
  );
}
