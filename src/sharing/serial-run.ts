import { formatValue } from "../errors/format-value";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import type { Work } from "../units/run-attempt";
import type { SerialRunOptions } from "./serial-actor-options";

/** What an actor's `run` was called with. */
export interface SerialRun<T> {
  readonly key: unknown;
  /** For messages: `run with the key 'a'`. */
  readonly name: string;
  readonly work: Work<T>;
  readonly options: SerialRunOptions | undefined;
}

/** The key of those who name none: nobody can name this one. */
const noKey = Symbol("no key");

/** @throws GuardConfigurationError when it cannot be told which is the key and which the work. */
export function readSerialRun<T>(parameters: readonly unknown[]): SerialRun<T> {
  const [first, second, third] = parameters;
  if (typeof first !== "function") {
    if (typeof second !== "function") {
      throw new GuardConfigurationError(
        `The work of a serial actor's run must be a function, not ${formatValue(second ?? first)}.`,
      );
    }
    const name = `run with the key ${formatValue(first)}`;
    return { key: first, name, work: second as Work<T>, options: third as SerialRunOptions | undefined };
  }
  if (typeof second === "function") {
    throw new GuardConfigurationError(
      `A serial actor's run was given two functions, so that the key cannot be told from the work: a key may be anything ` +
        `but a function.`,
    );
  }
  const options = second as SerialRunOptions | undefined;
  return { key: noKey, name: "run without a key", work: first as Work<T>, options };
}
