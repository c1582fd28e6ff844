import { randomUUID } from "node:crypto";
import {
  createLockRegistry,
  isEntityLockedError,
  isLeaseLostError,
  type EntityLockedError,
  type Lease,
  type LockRegistry,
} from "typeorm-concurrency/locks";
import { whenAborted } from "../support/when-aborted";
import { watch } from "../sharing/support";
import { eachBackend, type BackendPair } from "./backends";
import { Label, Project, projects } from "./project";

const ttlMs = 60_000;

eachBackend((open) => {
  let pair: BackendPair;
  let one: LockRegistry;
  let other: LockRegistry;
  const leases: Lease[] = [];

  beforeAll(async () => {
    pair = await open();
    one = createLockRegistry({ backend: pair.one, ttlMs });
    other = createLockRegistry({ backend: pair.other, ttlMs });
  });
  afterEach(async () => {
    for (const lease of leases.splice(0)) await lease.release();
    await one.purgeExpired();
  });
  afterAll(() => pair.close());

  const keep = async (lease: Promise<Lease>): Promise<Lease> => {
    leases.push(await lease);
    return lease;
  };
  const refused = async (work: Promise<unknown>): Promise<EntityLockedError> => {
    const error: unknown = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!isEntityLockedError(error)) throw new Error(`not refused: ${String(error)}`);
    return error;
  };
  /** A lease whose process has died: nobody renews it. */
  const dead = async (id: number, forMs: number): Promise<string> => {
    const leaseId = randomUUID();
    const outcome = await pair.one.claim({
      leaseId,
      operation: "dead",
      reason: undefined,
      keys: [`lock_project["${id}"]`],
      ttlMs: forMs,
      kind: "lease",
      queueMs: undefined,
      isQueued: false,
    });
    expect(outcome.kind).toBe("granted");
    return leaseId;
  };

  it("locks all of a set or none of it", async () => {
    await keep(one.acquire(projects(1, 2, 3), { operation: "import" }));
    const { locks } = await refused(other.acquire(projects(3, 4, 2), { operation: "report" }));
    expect(locks.map(({ id }) => id).sort()).toEqual([2, 3]);
    await keep(other.acquire(projects(4), { operation: "report" }));
  });

  it("says what is locked, by which operation, since when and why", async () => {
    const before = Date.now();
    const lease = await keep(
      one.acquire(projects(7), { operation: "import", reason: "new prices of 'Ann & \"Bob\"' – élan" }),
    );
    const error = await refused(other.acquire(projects(7), { operation: "report" }));
    const [lock] = error.locks;
    expect(lock).toMatchObject({
      entityName: "Project",
      target: Project,
      id: 7,
      operation: "import",
      reason: "new prices of 'Ann & \"Bob\"' – élan",
      fencingToken: lease.fencingToken,
    });
    expect(Math.abs(lock.since.getTime() - before)).toBeLessThan(5000);
    expect(lock.expiresAt.getTime() - lock.since.getTime()).toBe(ttlMs);
    expect(error.message).toContain(
      `Project 7 is locked by operation 'import' (new prices of 'Ann & "Bob"' – élan) since ${lock.since.toISOString()}.`,
    );
  });

  it("lets go of all of it, at once, for everybody", async () => {
    const lease = await one.acquire(projects(1, 2), { operation: "import" });
    await lease.release();
    await lease.release();
    await keep(other.acquire(projects(1, 2), { operation: "report" }));
    expect(lease.signal.aborted).toBe(false);
  });

  it("lets an operation lock again what it has, and keeps it until the last lease is released", async () => {
    const first = await one.acquire(projects(1, 2), { operation: "import" });
    const second = await keep(other.acquire(projects(2, 3), { operation: "import" }));
    await first.release();
    expect((await refused(one.acquire(projects(1, 2, 3), { operation: "report" }))).locks).toHaveLength(2);
    await keep(one.acquire(projects(1), { operation: "report" }));
    await second.release();
    await keep(one.acquire(projects(2, 3), { operation: "report" }));
  });

  it("gives fencing tokens that only grow", async () => {
    const tokens: number[] = [];
    for (const registry of [one, other, one, other]) {
      const lease = await registry.acquire(projects(1), { operation: "import" });
      tokens.push(lease.fencingToken);
      await lease.add(projects(2));
      tokens.push(lease.fencingToken);
      await lease.release();
    }
    expect(tokens).toEqual([...new Set(tokens)].sort((left, right) => left - right));
    expect(tokens.every(Number.isSafeInteger)).toBe(true);
  });

  it("adds more to a lease, all or nothing", async () => {
    const lease = await keep(one.acquire(projects(1), { operation: "import" }));
    await keep(other.acquire(projects(3), { operation: "report" }));
    expect((await refused(lease.add(projects(1, 2, 3)))).locks.map(({ id }) => id)).toEqual([3]);
    await lease.add(projects(1, 2));
    expect(lease.resources).toEqual(projects(1, 2));
    expect((await refused(other.acquire(projects(2), { operation: "report" }))).locks).toHaveLength(1);
    await lease.release();
    await keep(other.acquire(projects(1, 2), { operation: "report" }));
  });

  it("frees what a dead holder has left when it has expired, and not before", async () => {
    const startedAt = performance.now();
    await dead(1, 400);
    await refused(other.acquire(projects(1), { operation: "report" }));
    await keep(other.acquire(projects(1), { operation: "report", waitMs: 10_000 }));
    expect(performance.now() - startedAt).toBeGreaterThan(380);
  });

  it("leaves others what they hold when an expired lease is released", async () => {
    const leaseId = await dead(1, 20);
    await keep(other.acquire(projects(1), { operation: "report", waitMs: 10_000 }));
    expect(await pair.one.renew(leaseId, ttlMs)).toBe(false);
    expect(await pair.one.release(leaseId)).toBe(false);
    expect(await one.holderOf({ target: Project, id: 1 })).toMatchObject({ operation: "report" });
  });

  it("renews a lease for as long as it is held", async () => {
    const short = createLockRegistry({ backend: pair.one, ttlMs: 300, renewEveryMs: 50 });
    const lease = await keep(short.acquire(projects(1), { operation: "import" }));
    await refused(other.acquire(projects(1), { operation: "report", waitMs: 900 }));
    expect(lease.signal.aborted).toBe(false);
    expect(await other.holderOf({ target: Project, id: 1 })).toMatchObject({ operation: "import" });
  });

  it("ends a lease that is not renewed, and tells its holder", async () => {
    const fixed = createLockRegistry({ backend: pair.one, ttlMs: 200, renewEveryMs: Infinity });
    const lease = await fixed.acquire(projects(1), { operation: "import" });
    await keep(other.acquire(projects(1), { operation: "report", waitMs: 10_000 }));
    await whenAborted(lease.signal);
    expect(isLeaseLostError(lease.signal.reason)).toBe(true);
    await lease.release();
    expect(await one.holderOf({ target: Project, id: 1 })).toMatchObject({ operation: "report" });
  });

  it("extends a lease for a stretch in which it cannot be renewed", async () => {
    const lease = await keep(one.acquire(projects(1), { operation: "import" }));
    await lease.extend(10 * ttlMs);
    const info = await other.holderOf({ target: Project, id: 1 });
    expect(info!.expiresAt.getTime() - info!.since.getTime()).toBeGreaterThanOrEqual(10 * ttlMs);
    await lease.extend();
    expect(await other.holderOf({ target: Project, id: 1 })).toEqual(info);
  });

  it("gives the entities to those who wait in the order in which they came", async () => {
    const order: string[] = [];
    const waiting = async (registry: LockRegistry, operation: string, ...ids: number[]): Promise<void> => {
      const lease = await registry.acquire(projects(...ids), { operation, waitMs: 60_000 });
      order.push(operation);
      await lease.release();
    };
    const first = await one.acquire(projects(1), { operation: "first" });
    const all: Promise<void>[] = [];
    const queued = async (operation: string, ...ids: number[]): Promise<void> => {
      const registry = all.length % 2 === 0 ? other : one;
      all.push(waiting(registry, operation, ...ids));
      // It stands in the queue when somebody who does not wait is told so.
      for (;;) {
        const error = await refused(one.acquire(projects(...ids), { operation: "nobody" }));
        if (error.locks.some((lock) => lock.operation === operation)) return;
        if (ids.includes(1) && error.locks.length === 1 && ids.length === 1) return;
      }
    };
    await queued("second", 1, 2);
    await queued("third", 2, 3);
    await queued("fourth", 3, 4);
    expect((await refused(other.acquire(projects(4), { operation: "fifth" }))).locks).toMatchObject([
      { id: 4, operation: "fourth", fencingToken: undefined },
    ]);
    await first.release();
    await Promise.all(all);
    expect(order).toEqual(["second", "third", "fourth"]);
  });

  it("does not let those who wait keep an operation from more that holds something", async () => {
    const lease = await keep(one.acquire(projects(1), { operation: "import" }));
    const waiting = other.acquire(projects(1, 2), { operation: "report", waitMs: 60_000 });
    await inQueue(waiting, 2);
    await lease.add(projects(2));
    await keep(one.acquire(projects(1, 2), { operation: "import" }));
    for (const held of leases.splice(0)) await held.release();
    await keep(waiting);
  });

  it("gives up waiting after waitMs, and its place with it", async () => {
    const lease = await keep(one.acquire(projects(1), { operation: "import", reason: "prices" }));
    const startedAt = performance.now();
    const error = await refused(other.acquire(projects(1, 2), { operation: "report", waitMs: 300 }));
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(299);
    expect(error.locks).toMatchObject([{ id: 1, operation: "import", reason: "prices" }]);
    await keep(one.acquire(projects(2), { operation: "third" }));
    await lease.release();
    await keep(one.acquire(projects(1), { operation: "third" }));
  });

  it("stops waiting when its signal is aborted, and gives its place up", async () => {
    await keep(one.acquire(projects(1), { operation: "import" }));
    const aborter = new AbortController();
    const waiting = other.acquire(projects(1, 2), {
      operation: "report",
      waitMs: Infinity,
      signal: aborter.signal,
    });
    await inQueue(waiting, 2);
    aborter.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await keep(one.acquire(projects(2), { operation: "third" }));
    await expect(other.acquire(projects(3), { operation: "report", signal: aborter.signal })).rejects.toThrow(
      "enough",
    );
  });

  it("forgets the place of somebody who has died waiting", async () => {
    const lease = await one.acquire(projects(1), { operation: "import" });
    const outcome = await pair.one.claim({
      leaseId: randomUUID(),
      operation: "dead",
      reason: undefined,
      keys: [`lock_project["1"]`, `lock_project["2"]`],
      ttlMs,
      kind: "lease",
      queueMs: 300,
      isQueued: false,
    });
    expect(outcome.kind).toBe("blocked");
    await lease.release();
    await refused(other.acquire(projects(2), { operation: "report" }));
    await keep(other.acquire(projects(1, 2), { operation: "report", waitMs: 10_000 }));
  });

  it("lets a hundred callers with overlapping sets have them one after the other", async () => {
    const holders = new Map<number, string>();
    let most = 0;
    await Promise.all(
      Array.from({ length: 100 }, async (_, caller) => {
        const operation = `caller ${caller}`;
        const ids = [caller % 7, (caller * 3) % 11, (caller * 5) % 13].map((id) => 100 + id);
        const registry = caller % 2 === 0 ? one : other;
        await registry.run(projects(...ids), { operation, waitMs: Infinity }, async () => {
          for (const id of new Set(ids)) {
            expect(holders.get(id)).toBeUndefined();
            holders.set(id, operation);
          }
          most = Math.max(most, new Set(holders.values()).size);
          await Promise.resolve();
          for (const id of ids) holders.delete(id);
        });
      }),
    );
    expect(most).toBeGreaterThan(0);
  });

  it("gives what expires to one of those who race for it", async () => {
    const leaseId = await dead(1, 150);
    const renewing = (async () => {
      let renewals = 0;
      while (await pair.one.renew(leaseId, 1)) renewals++;
      return renewals;
    })();
    let holders = 0;
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, async (_, racer) => {
        const registry = racer % 2 === 0 ? one : other;
        const lease = await registry.acquire(projects(1), { operation: `racer ${racer}`, waitMs: Infinity });
        expect(++holders).toBe(1);
        expect(await pair.one.renew(leaseId, ttlMs)).toBe(false);
        holders--;
        await lease.release();
        return lease.fencingToken;
      }),
    );
    await renewing;
    expect(new Set(outcomes).size).toBe(10);
  });

  it("tells a list page what of it is locked", async () => {
    await keep(one.acquire(projects(2, 4, 6), { operation: "import", reason: "prices" }));
    const locked = await other.lockedIds(Project, [1, 2, 3, 4, 5]);
    expect([...locked.keys()]).toEqual([2, 4]);
    expect(locked.get(4)).toMatchObject({ operation: "import", reason: "prices" });
    expect([...(await other.lockedIds(Project, ["6"])).keys()]).toEqual(["6"]);
    expect(await other.lockedIds(Project, [])).toEqual(new Map());
    expect(await other.holderOf({ target: Project, id: 1 })).toBeUndefined();
  });

  it("takes entities by their objects as well as by their keys", async () => {
    const project = Object.assign(new Project(), { id: 9 });
    await keep(one.acquire([project, { target: Project, id: 9 }], { operation: "import" }));
    expect(await other.holderOf({ target: Project, id: { id: 9 } })).toMatchObject({ operation: "import" });
    expect((await refused(other.acquire(projects(9), { operation: "report" }))).locks).toHaveLength(1);
  });

  it("keeps keys apart whatever they are written with", async () => {
    const names = [
      "a",
      "A",
      "a ",
      "ä",
      "a\u0000",
      `"`,
      `","`,
      "?",
      "x".repeat(400),
      "x".repeat(401),
      "$1",
      "🔒",
    ];
    const labels = names.map((id) => ({ target: Label, id }));
    for (const [index, label] of labels.entries()) {
      await keep(one.acquire([label], { operation: `label ${index}` }));
    }
    const locked = await other.lockedIds(Label, [...names, "b"]);
    expect([...locked].map(([id, { operation }]) => [id, operation])).toEqual(
      names.map((id, index) => [id, `label ${index}`]),
    );
  });

  it("keeps operations apart that differ in case or spaces", async () => {
    await keep(one.acquire(projects(1), { operation: "import" }));
    for (const operation of ["Import", "import ", "impört"]) {
      await refused(other.acquire(projects(1), { operation }));
    }
  });

  it("takes everything from an operation that an operator ends", async () => {
    const short = createLockRegistry({ backend: pair.one, ttlMs: 2000, renewEveryMs: 20 });
    const lease = await keep(short.acquire(projects(1, 2), { operation: "import" }));
    await keep(one.acquire(projects(3), { operation: "import" }));
    await keep(one.acquire(projects(4), { operation: "another" }));
    expect(await other.releaseOperation("import")).toBe(2);
    await keep(other.acquire(projects(1, 2, 3), { operation: "report" }));
    await refused(other.acquire(projects(4), { operation: "report" }));
    await whenAborted(lease.signal);
    expect(isLeaseLostError(lease.signal.reason)).toBe(true);
    await expect(lease.add(projects(5))).rejects.toMatchObject({ code: "LEASE_LOST", operation: "import" });
    await expect(lease.extend()).rejects.toMatchObject({ code: "LEASE_LOST" });
    await lease.release();
    expect(await one.holderOf({ target: Project, id: 1 })).toMatchObject({ operation: "report" });
    expect(await other.releaseOperation("nobody")).toBe(0);
  });

  it("notices that a lease is gone when it is added to or extended", async () => {
    const [added, extended] = [
      await keep(one.acquire(projects(1), { operation: "added" })),
      await keep(one.acquire(projects(2), { operation: "extended" })),
    ];
    await pair.other.releaseOperation("added");
    await pair.other.releaseOperation("extended");
    await expect(added.add(projects(3))).rejects.toMatchObject({ code: "LEASE_LOST" });
    await expect(extended.extend()).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect([added.signal.aborted, extended.signal.aborted]).toEqual([true, true]);
    await keep(other.acquire(projects(1, 2, 3), { operation: "report" }));
  });

  it("removes what has expired", async () => {
    await dead(1, 10);
    await dead(2, 10);
    const lease = await keep(other.acquire(projects(2), { operation: "report", waitMs: 10_000 }));
    const purged = await one.purgeExpired();
    expect(purged).toBeLessThanOrEqual(2);
    expect(await one.purgeExpired()).toBe(0);
    expect(await pair.one.renew(randomUUID(), ttlMs)).toBe(false);
    await lease.extend();
  });

  it("runs work under a lock and lets go whatever becomes of it", async () => {
    const ran = one.run(projects(1), { operation: "import" }, async (lease) => {
      await refused(other.acquire(projects(1), { operation: "report" }));
      expect(lease.resources).toEqual(projects(1));
      return "done";
    });
    expect(await ran).toBe("done");
    const failed = one.run(projects(1), { operation: "import" }, () => Promise.reject(new Error("broken")));
    await expect(failed).rejects.toThrow("broken");
    await keep(other.acquire(projects(1), { operation: "report" }));
  });

  it("says so when the lock was lost while the work ran", async () => {
    const ran = one.run(projects(1), { operation: "import" }, async (lease) => {
      await pair.other.releaseOperation("import");
      await lease.extend().catch(() => undefined);
      return "done";
    });
    await expect(ran).rejects.toMatchObject({ code: "LEASE_LOST" });
  });

  it("locks ten thousand entities at once, and frees them at once", async () => {
    const many = projects(...Array.from({ length: 10_000 }, (_, index) => 1000 + index));
    const lease = await keep(one.acquire(many, { operation: "import" }));
    expect(lease.resources).toHaveLength(10_000);
    expect((await refused(other.acquire([...many].reverse(), { operation: "report" }))).locks).toHaveLength(
      10_000,
    );
    expect((await other.lockedIds(Project, [999, 1000, 10_999, 11_000])).size).toBe(2);
    await lease.release();
    const again = await keep(other.acquire(many, { operation: "report" }));
    await again.release();
  });

  it("locks nothing as well", async () => {
    const lease = await keep(one.acquire([], { operation: "import" }));
    expect(lease.resources).toEqual([]);
    await lease.add(projects(1));
    await refused(other.acquire(projects(1), { operation: "report" }));
  });

  /** Waits until somebody who waits stands in the queue for a project that nobody holds. */
  async function inQueue(waiting: Promise<unknown>, id: number): Promise<void> {
    const state = watch(waiting);
    for (;;) {
      const lease = await one.acquire(projects(id), { operation: "nobody" }).catch(() => undefined);
      if (lease === undefined) return;
      await lease.release();
      if (state.isSettled) throw new Error("does not wait");
    }
  }
});
