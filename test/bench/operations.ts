import { findMany } from "./find-many";
import type { Operation } from "./operation";
import { overlapDetection } from "./overlap-detection";
import { refusedSave } from "./refused-save";
import { removeMany } from "./remove-many";
import { saveMany } from "./save-many";
import { saveOne, saveOneWide } from "./save-one";
import { unitOfWork, type PeerContender } from "./unit-of-work";
import { wideItems } from "./wide-item";

/** What is measured in full, with lists of `size` entities. */
export function operationsOf(size: number, peers: readonly PeerContender[]): readonly Operation[] {
  return [
    saveOne,
    refusedSave,
    unitOfWork(peers),
    ...findSizes(size).map((count) =>
      findMany({ count, weight: weightOf(count), ...(count === size && { key: "find-list" }) }),
    ),
    saveMany({ count: size, weight: 2 * weightOf(size), key: "save-list" }),
    removeMany(size, 2 * weightOf(size)),
    saveOneWide,
    findMany({ count: size, weight: 2 * weightOf(size), sample: wideItems }),
    saveMany({ count: size, weight: 4 * weightOf(size), sample: wideItems }),
    ...overlapDetection,
  ];
}

/** Saves of lists that grow, in few rounds. */
export const growingSaves: readonly Operation[] = [10, 100, 1000, 10_000, 50_000].map((count) =>
  saveMany({ count, weight: Math.max(4, count / 100), hasBare: count <= 1000 }),
);

function findSizes(size: number): number[] {
  return [...new Set([1, 100, 1000, 10_000, size])].sort((a, b) => a - b);
}

/** A list of 1,000 weighs ten times as much as one row, and so on in between. */
function weightOf(count: number): number {
  return Math.max(1, Math.round(count ** (1 / 3)));
}
