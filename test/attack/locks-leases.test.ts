import { createLockRegistry, memoryLocks, type LockBackend } from "typeorm-concurrency/locks";
import { Project, projects } from "../locks/project";
import { Latch } from "../support/latch";

/** A backend whose answer to one of its methods is on its way until it is let through. */
function slowly(method: "claim" | "renew" | "releaseOperation"): {
  backend: LockBackend;
  hold(): { done: Promise<void>; answer: () => void };
} {
  const memory = memoryLocks();
  let held: { done: Latch; answer: Latch } | undefined;
  const slow = async (...parameters: unknown[]): Promise<unknown> => {
    const result = await (memory[method] as (...its: unknown[]) => Promise<unknown>)(...parameters);
    const mine = held;
    held = undefined;
    mine?.done.open();
    await mine?.answer.opened;
    return result;
  };
  return {
    backend: { ...memory, [method]: slow },
    hold() {
      const mine = { done: new Latch(), answer: new Latch() };
      held = mine;
      return { done: mine.done.opened, answer: mine.answer.open };
    },
  };
}

describe("a lease", () => {
  it("does not say that it holds more when it was lost while more was added", async () => {
    const { backend, hold } = slowly("claim");
    const registry = createLockRegistry({ backend });
    const lease = await registry.acquire(projects(1), { operation: "import" });
    const { answer, done } = hold();
    const adding = lease.add(projects(2));
    await done;
    await registry.releaseOperation("import");
    answer();
    await expect(adding).rejects.toMatchObject({ code: "LEASE_LOST" });
  });

  it("does not say that it was extended when it was lost meanwhile", async () => {
    const { backend, hold } = slowly("renew");
    const registry = createLockRegistry({ backend });
    const lease = await registry.acquire(projects(1), { operation: "import" });
    const { answer, done } = hold();
    const extending = lease.extend();
    await done;
    await registry.releaseOperation("import");
    answer();
    await expect(extending).rejects.toMatchObject({ code: "LEASE_LOST" });
  });

  it("can be released again when the backend could not be told", async () => {
    const memory = memoryLocks();
    let isThere = false;
    const backend: LockBackend = {
      ...memory,
      release: (leaseId) => (isThere ? memory.release(leaseId) : Promise.reject(new Error("not there"))),
    };
    const registry = createLockRegistry({ backend });
    const lease = await registry.acquire(projects(1), { operation: "import" });
    await expect(lease.release()).rejects.toThrow("not there");
    isThere = true;
    await lease.release();
    expect((await registry.lockedIds(Project, [1])).size).toBe(0);
  });

  it("is not lost that was granted after an operator had released its operation", async () => {
    const { backend, hold } = slowly("releaseOperation");
    const registry = createLockRegistry({ backend });
    const { answer, done } = hold();
    const releasing = registry.releaseOperation("import");
    await done;
    const lease = await registry.acquire(projects(1), { operation: "import" });
    answer();
    await releasing;
    expect(lease.signal.aborted).toBe(false);
    await lease.extend();
  });
});
