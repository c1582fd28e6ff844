import type { QueryRunner } from "typeorm";
import { onAbort } from "../events/on-abort";

/**
 * Takes a connection from the pool for a query runner, and gives it back when it comes after the signal.
 *
 * @throws the signal's reason, or what the driver could not connect for.
 */
export async function connect(queryRunner: QueryRunner, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const connecting = queryRunner.connect() as Promise<unknown>;
  if (signal === undefined) {
    await connecting;
    return;
  }
  let stopListening: (() => void) | undefined;
  try {
    await Promise.race([
      connecting,
      new Promise((_, reject) => {
        stopListening = onAbort(signal, () => reject(signal.reason as Error));
      }),
    ]);
  } catch (error) {
    void connecting.then(
      () => queryRunner.release(),
      () => undefined,
    );
    throw error;
  } finally {
    stopListening?.();
  }
}
