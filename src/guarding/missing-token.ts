import { MissingTokenError } from "../errors/missing-token-error";
import type { CallSite } from "./call-site";
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
  const line = firstOuterFrame(callSite);
  if (guard.warnedCallSites.has(line)) return;
  guard.warnedCallSites.add(line);
  process.emitWarning(`${error.message} It was written unchecked ${line}.`, {
    type: "MissingTokenWarning",
    code: error.code,
  });
}

// The place in the application's own code: TypeORM and the libraries around it are no help to its reader.
function firstOuterFrame(callSite: CallSite | undefined): string {
  const frames = (callSite?.stack ?? "").split("\n").slice(1);
  const own = frames.find((frame) => !/[\\/]node_modules[\\/]|node:/.test(frame));
  return (own ?? frames[0] ?? "at an unknown place").trim();
}
