import { createRequire } from "node:module";
import { join } from "node:path";

/** Where the libraries to compare with are installed, apart from what the library itself needs. */
export const peersFolder = __dirname;

const requirePeer = createRequire(join(peersFolder, "package.json"));

/**
 * Loads a package that may not be there when the code is compiled.
 *
 * @typeParam Module what the caller uses of it.
 */
export function loadPeer<Module>(name: string): Module {
  return requirePeer(name) as Module;
}
