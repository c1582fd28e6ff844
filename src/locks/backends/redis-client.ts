import { GuardConfigurationError } from "../../errors/guard-configuration-error";

/** What is needed of a client of `ioredis` 5, a Cluster included. */
export interface IoredisClient {
  call(command: string, parameters: string[]): Promise<unknown>;
}

/** What is needed of what `createClient` of `redis` 4 to 6 makes. */
export interface NodeRedisClient {
  sendCommand(parameters: string[]): Promise<unknown>;
}

/** What is needed of what `createCluster` of `redis` 4 to 6 makes. */
export interface NodeRedisCluster {
  readonly masters: readonly unknown[];
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    parameters: string[],
  ): Promise<unknown>;
}

/** What is needed of what `createSentinel` of `redis` 5 and 6 makes. */
export interface NodeRedisSentinel {
  getSentinelNode(): unknown;
  sendCommand(isReadonly: boolean | undefined, parameters: string[]): Promise<unknown>;
}

/** A client of the application's, of `redis` 4 to 6 or `ioredis` 5, that is connected. */
export type RedisClient = IoredisClient | NodeRedisClient | NodeRedisCluster | NodeRedisSentinel;

/** Sends a command that is about `key`, if it is about any. */
export type SendCommand = (parameters: [string, ...string[]], key?: string) => Promise<unknown>;

/** @throws GuardConfigurationError for what is no client. */
export function commandsOf(client: RedisClient): SendCommand {
  const its = (client ?? {}) as Partial<IoredisClient & NodeRedisCluster & NodeRedisSentinel>;
  if (typeof its.call === "function") {
    return ([command, ...parameters]) => (client as IoredisClient).call(command, parameters);
  }
  if (typeof its.sendCommand !== "function") {
    throw new GuardConfigurationError(`Locks in Redis need a client of "redis" 4 to 6 or "ioredis" 5.`);
  }
  if (typeof its.getSentinelNode === "function") {
    return (parameters) => (client as NodeRedisSentinel).sendCommand(false, parameters);
  }
  if (its.masters !== undefined) {
    return (parameters, key) => (client as NodeRedisCluster).sendCommand(key, false, parameters);
  }
  return (parameters) => (client as NodeRedisClient).sendCommand(parameters);
}
