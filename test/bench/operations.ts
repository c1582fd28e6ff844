import { findMany } from "./find-many";
import type { Operation } from "./operation";
import { overlapDetection } from "./overlap-detection";
import { removeMany } from "./remove-many";
import { saveMany } from "./save-many";
import { saveOne } from "./save-one";

export const operations: readonly Operation[] = [
  saveOne,
  findMany(1, 1),
  findMany(100, 2),
  findMany(10_000, 20),
  saveMany(1000, 20),
  removeMany(1000, 20),
  ...overlapDetection,
];
