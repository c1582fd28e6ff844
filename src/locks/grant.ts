import type { ClaimOutcome, LockBackend, LockClaim, StoredLease } from "./backends/lock-backend";
import type { WaitingPlace, WaitingRoom } from "./waiting-room";

const firstPollMs = 20;
const longestPollMs = 250;
/** Of those who are behind others of this process, who will wake them. */
const behindPollMs = 1000;
/** How long a place in the queue is kept for somebody who does not ask any more. */
const queueMs = 3000;

export type Blockers = ReadonlyMap<string, StoredLease>;

export type Grant =
  | { readonly kind: "granted"; readonly fencingToken: number; readonly askedAt: number }
  | { readonly kind: "blocked"; readonly by: Blockers };

export interface GrantOptions {
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onWaiting: () => void;
}

type LeaseClaim = Omit<LockClaim, "kind" | "queueMs" | "isQueued">;

/**
 * Claims a new lease, and waits for it where it may. Whoever is next looks again at intervals that grow from 20 to 250 ms, and
 * as soon as somebody in this process has let go of something.
 *
 * @throws the signal's reason, and what the backend throws; nothing is held and no place is kept then.
 */
export async function awaitGrant(
  backend: LockBackend,
  room: WaitingRoom,
  claim: LeaseClaim,
  { onWaiting, signal, waitMs }: GrantOptions,
): Promise<Grant> {
  signal?.throwIfAborted();
  const endsAt = performance.now() + waitMs;
  const ask = async (isQueued: boolean, waitsOn: boolean): Promise<Grant> => {
    const askedAt = performance.now();
    const outcome = await backend.claim({
      ...claim,
      kind: "lease",
      queueMs: waitsOn ? queueMs : undefined,
      isQueued,
    });
    signal?.throwIfAborted();
    return outcome.kind === "granted"
      ? { ...outcome, askedAt }
      : { kind: "blocked", by: blockersOf(outcome) };
  };
  const giveUp = async (): Promise<void> => {
    // It expires by itself where nobody can be told.
    await backend.release(claim.leaseId).catch(() => undefined);
    room.wake(claim.keys);
  };
  try {
    const first = await ask(false, waitMs > 0);
    if (first.kind === "granted" || waitMs === 0) return first;
    onWaiting();
    const grant = await askUntil(endsAt, room.enter(claim.keys), signal, ask);
    if (grant.kind === "blocked") await giveUp();
    return grant;
  } catch (error) {
    await giveUp();
    throw error;
  }
}

async function askUntil(
  endsAt: number,
  place: WaitingPlace,
  signal: AbortSignal | undefined,
  ask: (isQueued: boolean, waitsOn: boolean) => Promise<Grant>,
): Promise<Grant> {
  try {
    for (let pollMs = firstPollMs; ; pollMs = Math.min(pollMs * 1.5, longestPollMs)) {
      const leftMs = endsAt - performance.now();
      const delayMs = place.isFirst ? pollMs : behindPollMs;
      await place.wait(Math.max(0, Math.min(delayMs, leftMs)), signal);
      const isLast = performance.now() >= endsAt;
      const grant = await ask(true, !isLast);
      if (grant.kind === "granted" || isLast) return grant;
    }
  } finally {
    place.leave();
  }
}

function blockersOf(outcome: ClaimOutcome): Blockers {
  return outcome.kind === "blocked" ? outcome.by : new Map();
}
