import { MissingTokenError } from "../errors/missing-token-error";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";

const ownFrames =
  /[\\/]typeorm-concurrency[\\/]dist[\\/]|[\\/]typeorm[^\\/]*[\\/]|node:internal|\(<anonymous>\)/;

/**
 * Decides on a write whose token was never loaded, as the DataSource's options say: throws, warns once per call
 * site, or lets it through.
 */
export function decideOnMissingToken(guard: Guard, row: GuardedRow, callSite: Error | undefined): void {
  const { missing, description, id } = row;
  if (missing.length === 0 || guard.options.missingToken === "ignore") return;
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

function firstOuterFrame(callSite: Error | undefined): string {
  const frames = (callSite?.stack ?? "").split("\n").slice(1);
  return (frames.find((frame) => !ownFrames.test(frame)) ?? frames.at(-1) ?? "at an unknown place").trim();
}
