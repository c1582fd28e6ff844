import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";

const tests = join(__dirname, "..");

// What a file of the first level calls of Jest holds for all that runs beside it, and what typeorm-transactional patches
// stays patched.
const forTheWholeProcess = /^(?:(?:const|let) .*= )?(?:jest\.\w+|initializeTransactionalContext)\(/m;

// The least that a file takes, in bytes of source.
const leastWeight = 3000;

/** Test files, by path from the folder of the tests. */
export interface Batches {
  /** What is run together, in one process and with one TypeORM. */
  readonly batches: readonly (readonly string[])[];
  /** What cannot be run together with anything. */
  readonly alone: readonly string[];
}

/**
 * Spreads the test files over the batches that there are entry files for, so that these take about the same time.
 *
 * @param rooms the folders that are left out.
 */
export function batchesWithout(rooms: readonly string[]): Batches {
  const alone: string[] = [];
  const weighed: { file: string; weight: number }[] = [];
  for (const file of testFiles()) {
    if (rooms.includes(file.split("/")[0] ?? "")) continue;
    const text = readFileSync(join(tests, file), "utf8");
    if (forTheWholeProcess.test(text)) alone.push(file);
    else weighed.push({ file, weight: Math.max(text.length, leastWeight) });
  }
  const batches = entryFiles().map(() => ({ files: [] as string[], weight: 0 }));
  for (const { file, weight } of weighed.sort((a, b) => b.weight - a.weight)) {
    const lightest = batches.reduce((least, batch) => (batch.weight < least.weight ? batch : least));
    lightest.files.push(file);
    lightest.weight += weight;
  }
  return { batches: batches.map(({ files }) => files), alone };
}

function testFiles(): string[] {
  return readdirSync(tests, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(sep).join("/"))
    .filter((file) => file.endsWith(".test.ts") && !file.includes("/node_modules/"))
    .sort();
}

function entryFiles(): string[] {
  return readdirSync(__dirname).filter((file) => /^batch-\d+\.ts$/.test(file));
}
