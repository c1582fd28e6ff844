const listening = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back when a signal is aborted, by one listener for all who wait for the same signal: Node warns of a leak when
 * there are more than ten.
 *
 * @param signal one that is not aborted yet.
 * @returns stops listening.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => undefined;
  const one = (): void => callback();
  const callbacks = listening.get(signal) ?? listenTo(signal);
  callbacks.add(one);
  return () => {
    callbacks.delete(one);
    if (callbacks.size > 0 || listening.get(signal) !== callbacks) return;
    listening.delete(signal);
    signal.removeEventListener("abort", callAll);
  };
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>();
  listening.set(signal, callbacks);
  signal.addEventListener("abort", callAll, { once: true });
  return callbacks;
}

function callAll(this: AbortSignal): void {
  const callbacks = listening.get(this) ?? [];
  listening.delete(this);
  for (const callback of [...callbacks]) callback();
}
