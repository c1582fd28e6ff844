import { createLockRegistry, memoryLocks } from "typeorm-concurrency/locks";
import type { LockPlace } from "./lock-place";

export function memoryPlace(): LockPlace {
  const holders = new Map<string, string>();
  return {
    name: "memory",
    setting: "The memory of the process",
    registry: createLockRegistry({ backend: memoryLocks() }),
    naive: {
      name: "a Map",
      hold: (holder, keys) => {
        for (const key of keys) holders.set(key, holder);
        return Promise.resolve();
      },
      free: (_, keys) => {
        for (const key of keys) holders.delete(key);
        return Promise.resolve();
      },
      held: (keys) => Promise.resolve(keys.filter((key) => holders.has(key)).length),
    },
    close: () => Promise.resolve(),
  };
}
