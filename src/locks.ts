import "reflect-metadata";

export { EntityLockedError, isEntityLockedError } from "./errors/entity-locked-error";
export type { HeldLock, LockInfo } from "./errors/held-lock";
export { isLeaseLostError, LeaseLostError } from "./errors/lease-lost-error";
export { isLocksUnavailableError, LocksUnavailableError } from "./errors/locks-unavailable-error";
export type { LockEvent } from "./events/channels";
export { autoLocks, type AutoLocks, type AutoLocksOptions } from "./locks/backends/auto-locks";
export { CreateLockTables, createLockTables } from "./locks/backends/create-lock-tables";
export { databaseLocks } from "./locks/backends/database-locks";
export type {
  ClaimOutcome,
  Holding,
  LockBackend,
  LockClaim,
  StoredLease,
} from "./locks/backends/lock-backend";
export { memoryLocks } from "./locks/backends/memory-locks";
export type {
  IoredisClient,
  NodeRedisClient,
  NodeRedisCluster,
  NodeRedisSentinel,
  RedisClient,
} from "./locks/backends/redis-client";
export { redisLocks, type RedisLocksOptions } from "./locks/backends/redis-locks";
export { createLockRegistry } from "./locks/create-lock-registry";
export type { Dependents } from "./locks/dependents";
export type { Lease } from "./locks/lease";
export type { AcquireOptions, LockRegistryOptions } from "./locks/lock-options";
export type { LockRegistry } from "./locks/lock-registry";
export type { LockReference, LockResource } from "./locks/lock-resource";
export { relationDependents, type RelationDependentsOptions } from "./locks/relation-dependents";
