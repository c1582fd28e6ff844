import type { QueryRunner } from "typeorm";

/**
 * Takes a connection from the pool for a query runner, and gives it back when it comes after the signal.
 *
 * @throws the signal's reason, or what the driver could not connect for.
 */
export async function connect(queryRunner: QueryRunner, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const connecting = queryRunner.connect() as Promise<unknown>;
  let abort: (() => void) | undefined;
  try {
    await Promise.race([
      connecting,
      new Promise((_, reject) => {
        abort = () => reject(signal?.reason as Error);
        signal?.addEventListener("abort", abort, { once: true });
      }),
    ]);
  } catch (error) {
    void connecting.then(
      () => queryRunner.release(),
      () => undefined,
    );
    throw error;
  } finally {
    if (abort !== undefined) signal?.removeEventListener("abort", abort);
  }
}
