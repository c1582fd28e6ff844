import { randomUUID } from "node:crypto";
import type { LockClaim } from "typeorm-concurrency/locks";
import { eachBackend, type BackendPair } from "../locks/backends";

function claim(its: Partial<LockClaim>): LockClaim {
  return {
    leaseId: randomUUID(),
    operation: "import",
    reason: undefined,
    keys: [],
    ttlMs: 60_000,
    kind: "lease",
    queueMs: undefined,
    isQueued: false,
    ...its,
  };
}

eachBackend((open) => {
  let pair: BackendPair;
  beforeAll(async () => {
    pair = await open();
  });
  afterAll(() => pair.close());

  it("grants an addition again whose answer was lost", async () => {
    const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
    const lease = claim({ keys: [first] });
    const addition = claim({ leaseId: lease.leaseId, keys: [second, third], kind: "addition" });
    await pair.one.claim(lease);
    await pair.one.claim(addition);
    expect(await pair.one.claim(addition)).toMatchObject({ kind: "granted" });
    const held = await pair.one.holdings(addition.keys);
    expect([...held.values()].map(({ leaseIds }) => leaseIds)).toEqual([[lease.leaseId], [lease.leaseId]]);
    await pair.one.release(lease.leaseId);
    const others = claim({ operation: "report", keys: [first, second, third] });
    expect(await pair.other.claim(others)).toMatchObject({ kind: "granted" });
    await pair.other.release(others.leaseId);
  });

  it("takes a lease for gone of which it has forgotten the last addition", async () => {
    const lease = claim({ keys: [randomUUID()] });
    const granted = await pair.one.claim(lease);
    const fencingToken = granted.kind === "granted" ? granted.fencingToken : NaN;
    expect(await pair.one.renew(lease.leaseId, 60_000, fencingToken)).toBe(true);
    expect(await pair.one.renew(lease.leaseId, 60_000, fencingToken + 1)).toBe(false);
    const addition = claim({ leaseId: lease.leaseId, keys: [randomUUID()], kind: "addition" });
    expect(await pair.one.claim({ ...addition, fencingToken: fencingToken + 1 })).toEqual({ kind: "lost" });
    expect(await pair.one.claim({ ...addition, fencingToken })).toMatchObject({ kind: "granted" });
    await pair.one.release(lease.leaseId);
  });
});
