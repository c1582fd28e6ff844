import { retryDelayMs } from "../../src/units/retry-delay";

const bounds = { minDelayMs: 10, maxDelayMs: 50 };

it.each([
  [1, 1, 0],
  [2, 1, 10],
  [2, 0.5, 5],
  [3, 1, 20],
  [4, 1, 40],
  [5, 1, 50],
  [5, 0, 0],
  [5000, 1, 50],
])("waits before retry %d, of a dice that shows %d, %d ms", (retry, random, delayMs) => {
  expect(retryDelayMs(retry, bounds, random)).toBe(delayMs);
});
