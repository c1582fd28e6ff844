import { setTimeout } from "node:timers/promises";
import type { DataSource } from "typeorm";
import { killOneConnection } from "./kill-one-connection";

/** How often a connection is killed: after a random time between these. */
export interface KillPace {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** Kills one connection at once, and one after the other until it is stopped. */
export class Killer {
  #kills = 0;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  /** @param dataSource has one connection, which is spared. */
  constructor(
    private readonly dataSource: DataSource,
    private readonly pace: KillPace,
  ) {
    this.#done = this.#killUntilStopped();
    // It is for stop() to tell.
    this.#done.catch(() => undefined);
  }

  /**
   * Resolves to how many connections were killed.
   *
   * @throws what the killing has failed with.
   */
  async stop(): Promise<number> {
    this.#stop.abort();
    await this.#done;
    return this.#kills;
  }

  async #killUntilStopped(): Promise<void> {
    const { leastMs, mostMs } = this.pace;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      if (await killOneConnection(this.dataSource)) this.#kills += 1;
      const pauseMs = leastMs + Math.random() * (mostMs - leastMs);
      await setTimeout(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
