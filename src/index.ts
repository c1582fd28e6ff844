import "reflect-metadata";

export type { Conflict, ConflictOperation, ConflictReason } from "./errors/conflict";
export { GuardConfigurationError, isGuardConfigurationError } from "./errors/guard-configuration-error";
export { MissingTokenError, isMissingTokenError } from "./errors/missing-token-error";
export { OptimisticLockError, isOptimisticLockError } from "./errors/optimistic-lock-error";
export { UncheckedWriteError, isUncheckedWriteError } from "./errors/unchecked-write-error";
export { ConcurrencyToken } from "./metadata/concurrency-token";
export type { EntityConcurrency } from "./metadata/entity-concurrency";
export { RowVersion, type RowVersionOptions } from "./metadata/row-version";
export type { GuardOptions } from "./guarding/guard-options";
export { guardDataSource, unguardDataSource } from "./guarding/guard-data-source";
