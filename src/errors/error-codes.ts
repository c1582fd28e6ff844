/** The stable `code` of each error this package throws. */
export const errorCodes = Object.freeze({
  optimisticLock: "OPTIMISTIC_LOCK",
  missingToken: "MISSING_TOKEN",
  uncheckedWrite: "UNCHECKED_WRITE",
  guardConfiguration: "GUARD_CONFIGURATION",
  invalidVersion: "INVALID_VERSION",
} as const);

/** Whether an error carries a code, whichever copy of the package made it. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === "object" && error !== null && (error as { code?: unknown }).code === code;
}
