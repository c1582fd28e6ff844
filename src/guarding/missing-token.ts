import { MissingTokenError } from "../errors/missing-token-error";
import { firstOuterFrame, type CallSite } from "./call-site";
import type { Columns } from "./expectation";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";

/**
 * Decides on a write whose token was never loaded, as the DataSource's options say: throws, warns once per call
 * site, or lets it through.
 *
 * @param changed the columns that are written; undefined for the row as a whole.
 */
export function decideOnMissingToken(
  guard: Guard,
  row: GuardedRow,
  callSite: CallSite | undefined,
  changed?: Columns,
): void {
  const { description, id } = row;
  if (guard.options.missingToken === "ignore") return;
  const missing = row.missingFor(changed).map(({ propertyPath }) => propertyPath);
  if (missing.length === 0) return;
  const error = new MissingTokenError(description.metadata.name, id, missing);
  if (guard.options.missingToken === "throw") throw error;
  const line = firstOuterFrame(callSite ?? {});
  if (guard.warnedCallSites.has(line)) return;
  guard.warnedCallSites.add(line);
  process.emitWarning(`${error.message} It was written unchecked ${line}.`, {
    type: "MissingTokenWarning",
    code: error.code,
  });
}
