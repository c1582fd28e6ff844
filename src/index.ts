import "reflect-metadata";

export { CapturedEntityError, isCapturedEntityError } from "./errors/captured-entity-error";
export {
  CommitOutcomeUnknownError,
  isCommitOutcomeUnknownError,
} from "./errors/commit-outcome-unknown-error";
export type { Conflict, ConflictOperation, ConflictReason } from "./errors/conflict";
export { ConnectionBusyError, isConnectionBusyError } from "./errors/connection-busy-error";
export { EndedUnitError, isEndedUnitError } from "./errors/ended-unit-error";
export { GuardConfigurationError, isGuardConfigurationError } from "./errors/guard-configuration-error";
export { MissingTokenError, isMissingTokenError } from "./errors/missing-token-error";
export { OptimisticLockError, isOptimisticLockError } from "./errors/optimistic-lock-error";
export { InvalidVersionError, isInvalidVersionError } from "./errors/invalid-version-error";
export { OuterTransactionError, isOuterTransactionError } from "./errors/outer-transaction-error";
export { isOverlappingUseError, OverlappingUseError, type ManagerUse } from "./errors/overlapping-use-error";
export { RetriesExhaustedError, isRetriesExhaustedError } from "./errors/retries-exhausted-error";
export { UncheckedWriteError, isUncheckedWriteError } from "./errors/unchecked-write-error";
export type { ConflictEvent, GaveUpEvent, RetryEvent, UnitEvent } from "./events/channels";
export { ConcurrencyToken } from "./metadata/concurrency-token";
export type { EntityConcurrency } from "./metadata/entity-concurrency";
export { OptimisticLocking, type OptimisticLockingOptions } from "./metadata/optimistic-locking";
export { RowVersion, type RowVersionOptions } from "./metadata/row-version";
export { Unversioned } from "./metadata/unversioned";
export { UpdateAllColumns } from "./metadata/update-all-columns";
export type { NextVersion } from "./metadata/version-source";
export { VersionedRelation } from "./metadata/versioned-relation";
export type { GuardOptions } from "./guarding/guard-options";
export { guardDataSource, unguardDataSource } from "./guarding/guard-data-source";
export { expectVersion } from "./guarding/expect-version";
export { removeExpecting } from "./guarding/remove-expecting";
export { unchecked, withoutRoots } from "./guarding/save-marks";
export { rowVersionTriggerSql } from "./guarding/triggers/row-version-trigger";
export { touch } from "./guarding/touch";
export { updateExpecting } from "./guarding/update-expecting";
export { verifyUnchanged } from "./guarding/verify-unchanged";
export { versionOf } from "./guarding/version-of";
export { clientWins, type ClientWinsOptions } from "./conflicts/client-wins";
export type { ConflictResolution, ConflictStrategy, ConflictValues } from "./conflicts/conflict-strategy";
export { mergeChanges, type MergeOptions, type Overlap } from "./conflicts/merge-changes";
export { resolveConflicts } from "./conflicts/resolve-conflicts";
export { saveResolving, type SaveResolvingOptions } from "./conflicts/save-resolving";
export { storeWins } from "./conflicts/store-wins";
export type { Attempt, FailedAttempt } from "./units/attempt";
export { currentManager } from "./units/current-manager";
export { runUnitOfWork } from "./units/run-unit-of-work";
export { UnitOfWork, type UnitOfWorkDecoratorOptions } from "./units/unit-of-work";
export type { IsolationLevel, UnitOfWorkOptions } from "./units/unit-of-work-options";
