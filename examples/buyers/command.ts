import { ServerAbsentError } from "../../test/support/scratch-database";

/** A failure of which its message tells all. */
export class CommandError extends Error {}

/** A mistake in the command line; its message is for whoever typed it. */
export class UsageError extends CommandError {}

/**
 * Runs a command and ends the process. Ctrl-C and SIGTERM abort the signal; the command then has the time it needs
 * to clean up. Exit code 0, 1 for a failure, 2 for a wrong command line, 130 after an abort.
 */
export function runCommand(command: (args: readonly string[], signal: AbortSignal) => Promise<void>): void {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
  command(process.argv.slice(2), stop.signal).then(
    () => process.exit(0),
    (error: unknown) => {
      if (stop.signal.aborted) process.exit(130);
      const isExpected = error instanceof CommandError || error instanceof ServerAbsentError;
      console.error(isExpected ? error.message : error);
      process.exit(error instanceof UsageError ? 2 : 1);
    },
  );
}
