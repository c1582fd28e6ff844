import { join } from "node:path";

declare const TEST_BATCHES: readonly (readonly string[])[];

/** Declares the tests of all files of a batch, those of each file under its path. */
export function declareBatch(number: number): void {
  for (const file of TEST_BATCHES[number - 1] ?? []) {
    describe(file, () => {
      jest.requireActual<object>(join(__dirname, "..", file));
    });
  }
}
