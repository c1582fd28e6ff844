/** The stable `code` of each error this package throws. */
export const errorCodes = Object.freeze({
  optimisticLock: "OPTIMISTIC_LOCK",
  missingToken: "MISSING_TOKEN",
  uncheckedWrite: "UNCHECKED_WRITE",
  guardConfiguration: "GUARD_CONFIGURATION",
  invalidVersion: "INVALID_VERSION",
  retriesExhausted: "RETRIES_EXHAUSTED",
  outerTransaction: "OUTER_TRANSACTION",
  capturedEntity: "CAPTURED_ENTITY",
  endedUnit: "ENDED_UNIT",
  commitOutcomeUnknown: "COMMIT_OUTCOME_UNKNOWN",
  connectionBusy: "CONNECTION_BUSY",
  overlappingUse: "OVERLAPPING_USE",
  reentrantCall: "REENTRANT_CALL",
  actorQueueFull: "ACTOR_QUEUE_FULL",
  closedActor: "CLOSED_ACTOR",
  parallel: "PARALLEL",
  entityLocked: "ENTITY_LOCKED",
  leaseLost: "LEASE_LOST",
  locksUnavailable: "LOCKS_UNAVAILABLE",
} as const);

/** Whether an error carries a code, whichever copy of the package made it. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === "object" && error !== null && (error as { code?: unknown }).code === code;
}
