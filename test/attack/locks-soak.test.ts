import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createLockRegistry, isEntityLockedError, type LockRegistry } from "typeorm-concurrency/locks";
import { eachBackend, type BackendPair } from "../locks/backends";
import { projects } from "../locks/project";

const seconds = Number(process.env["LOCK_SOAK_SECONDS"] ?? "1");
const workers = 200;
const entities = 60;

/** Who is in the middle of holding what, as the holders themselves know it. */
class Invariant {
  readonly #holders = new Map<number, { readonly operation: string; readonly until: number }>();
  grants = 0;

  enter(operation: string, ids: readonly number[], until = Infinity): void {
    const now = performance.now();
    for (const id of ids) {
      const holder = this.#holders.get(id);
      if (holder !== undefined && holder.until > now && holder.operation !== operation) {
        throw new Error(`${id} is held by ${holder.operation} and by ${operation}`);
      }
      this.#holders.set(id, { operation, until });
    }
    this.grants++;
  }

  leave(ids: readonly number[]): void {
    for (const id of ids) this.#holders.delete(id);
  }
}

eachBackend((open) => {
  let pair: BackendPair;
  beforeAll(async () => {
    pair = await open();
  });
  afterAll(() => pair.close());

  it(
    `never has two holders of an entity, with ${workers} workers, some of which die`,
    async () => {
      const registries = [pair.one, pair.other].map((backend) =>
        createLockRegistry({ backend, ttlMs: 60_000 }),
      );
      const invariant = new Invariant();
      const ender = new AbortController();
      const endsAt = performance.now() + seconds * 1000;
      const random = (below: number): number => Math.floor(Math.random() * below);
      const someIds = (): number[] => [
        ...new Set(Array.from({ length: 1 + random(5) }, () => 1 + random(entities))),
      ];

      const refusedOnly = (error: unknown): undefined => {
        if (!isEntityLockedError(error)) throw error;
        return undefined;
      };
      const work = async (registry: LockRegistry, operation: string): Promise<void> => {
        const ids = someIds();
        const waitMs = [0, random(300), 60_000][random(3)]!;
        const lease = await registry.acquire(projects(...ids), { operation, waitMs }).catch(refusedOnly);
        if (lease === undefined) return;
        invariant.enter(operation, ids);
        await sleep(random(5));
        const more = someIds().filter((id) => !ids.includes(id));
        const hasMore = await lease.add(projects(...more)).then(() => true, refusedOnly);
        if (hasMore) invariant.enter(operation, more);
        invariant.leave([...ids, ...(hasMore ? more : [])]);
        await lease.release();
      };
      // It claims, and is never heard of again.
      const die = async (operation: string): Promise<void> => {
        const ids = someIds();
        const ttlMs = 20 + random(50);
        const claim = {
          leaseId: randomUUID(),
          operation,
          reason: undefined,
          keys: ids.map((id) => `lock_project["${id}"]`),
          ttlMs,
          kind: "lease" as const,
          queueMs: random(2) === 0 ? undefined : 50,
          isQueued: false,
        };
        const askedAt = performance.now();
        const { kind } = await pair.other.claim(claim);
        if (kind === "granted") invariant.enter(operation, ids, askedAt + ttlMs);
      };
      const outcomes = await Promise.allSettled(
        Array.from({ length: workers }, async (_, worker) => {
          for (let round = 0; performance.now() < endsAt && !ender.signal.aborted; round++) {
            const operation = `worker ${worker}, round ${round}`;
            if (random(20) === 0) await die(operation);
            else await work(registries[worker % 2]!, operation);
          }
        }).map((worker) =>
          worker.catch((error: unknown) => {
            ender.abort();
            throw error;
          }),
        ),
      );
      expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([]);
      expect(invariant.grants).toBeGreaterThan(workers / 10);
    },
    (seconds + 90) * 1000,
  );
});
