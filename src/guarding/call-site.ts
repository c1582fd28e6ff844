import { dirname, sep } from "node:path";

/** What `Error.captureStackTrace` makes of an object. */
export interface CallSite {
  readonly stack?: string;
}

/** Any function. */
export type Callee = (...parameters: never[]) => unknown;

/**
 * Notes who calls.
 *
 * @param callee the function that was called; what is above it in the stack is left out.
 */
export function captureCallSite(callee: Callee): CallSite {
  const callSite = {};
  const { stackTraceLimit } = Error;
  // TypeORM, and the libraries around it, may be ten deep.
  Reflect.set(Error, "stackTraceLimit", Math.max(stackTraceLimit, framesLooked));
  Error.captureStackTrace(callSite, callee);
  Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  return callSite;
}

const framesLooked = 30;

/**
 * The place in the application's own code: TypeORM and the libraries around it are no help to its reader.
 *
 * What is in the way is told by the files that were executed. Source maps would name the sources of libraries, which are
 * nowhere on this machine; the one line that is shown goes by them.
 */
export function firstOuterFrame(callSite: CallSite): string {
  const { prepareStackTrace } = formatter;
  formatter.prepareStackTrace = (error, frames) => {
    const own = frames.find(isApplications) ?? frames[0];
    if (own === undefined) return "";
    const plain = `\n    at ${(own as { toString(): string }).toString()}`;
    try {
      const prepared = prepareStackTrace?.(error, [own]);
      return typeof prepared === "string" ? prepared : plain;
    } catch {
      return plain;
    }
  };
  try {
    // V8 formats a stack when it is asked for.
    return callSite.stack?.split("\n")[1]?.trim() ?? "at an unknown place";
  } finally {
    formatter.prepareStackTrace = prepareStackTrace;
  }
}

const formatter = Error as {
  prepareStackTrace?: ((error: Error, frames: NodeJS.CallSite[]) => unknown) | undefined;
};
const ownFolder = dirname(__dirname) + sep;

function isApplications(frame: NodeJS.CallSite): boolean {
  const file = frame.getFileName() ?? "node:";
  return !/[\\/]node_modules[\\/]|^node:/.test(file) && !file.startsWith(ownFolder);
}
