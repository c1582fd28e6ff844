// Prints how many tests passed, failed and were skipped, from the results that Jest left in the given file. Fails
// when a test failed, when a test file could not be run, and when there was nothing to run.
const { existsSync, readFileSync } = require("node:fs");
const process = require("node:process");

const [file] = process.argv.slice(2);
const results = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
const passed = results.numPassedTests ?? 0;
const failed = (results.numFailedTests ?? 0) + (results.numRuntimeErrorTestSuites ?? 0);
const skipped = (results.numPendingTests ?? 0) + (results.numTodoTests ?? 0);

process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
