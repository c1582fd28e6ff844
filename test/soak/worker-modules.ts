/*
 * Loaded into a process of workers before anything else. Under Jest its modules are to be those of the test that started
 * it, which jest.config.ts maps; `npm run soak` takes the package as it is built.
 */
import Module from "node:module";
import { join } from "node:path";

type Resolve = (request: string, ...rest: unknown[]) => string;

const line = process.env["SOAK_TYPEORM_LINE"];
if (line !== undefined) {
  const loader = Module as unknown as { _resolveFilename: Resolve };
  const resolve = loader._resolveFilename;
  loader._resolveFilename = (request, ...rest) => resolve.call(loader, mapped(request), ...rest);
}

function mapped(request: string): string {
  if (request === "typeorm-concurrency") return join(__dirname, "../../src/index.ts");
  if (request === "typeorm-concurrency/locks") return join(__dirname, "../../src/locks.ts");
  return line === "0.3" ? request.replace(/^typeorm(?=$|\/)/, "typeorm-legacy") : request;
}
