import { findFlow, Flow } from "../guarding/flow";
import { EndFlow } from "./end-flow";
import type { PipeliningClient } from "./pipelining";

class BeginFlow extends Flow {}

/**
 * The beginning of a unit of work's transaction. It takes a round trip, in which the work can be called already; what that
 * asks of the connection waits. Where the driver can send a query before the one before it is answered, the work's first
 * read need not: should there be no transaction in the end, it has done no harm, which of nothing else is certain.
 */
export class Beginning {
  /** Rejects when it could not begin. */
  readonly begun: Promise<void>;
  /** Resolves when all is answered that was sent until then. */
  readonly settled: Promise<void>;
  #read: Promise<unknown> | undefined;
  #isAnswered = false;
  #noteSent: () => void = () => undefined;
  readonly #sent: Promise<void>;

  /** @param client undefined where nothing is sent beside it. */
  constructor(
    private readonly owner: object,
    private readonly client: PipeliningClient | undefined,
    start: () => Promise<void>,
  ) {
    const pipelinedBefore = client?.pipeline;
    if (client !== undefined) client.pipeline = true;
    const sent = new Promise<void>((resolve) => (this.#noteSent = resolve));
    this.begun = new BeginFlow(owner).run(start);
    this.#sent = Promise.race([sent, this.begun]);
    // Nobody may be waiting for it.
    this.#sent.catch(() => undefined);
    this.settled = (async () => {
      await Promise.allSettled([this.begun]);
      this.#isAnswered = true;
      await Promise.allSettled([this.#read]);
      if (client !== undefined) client.pipeline = pipelinedBefore === true;
    })();
  }

  /**
   * Sends a query when it is its turn.
   *
   * @param parameters those of a query runner's `query`.
   * @throws what it could not begin for.
   */
  async send(parameters: readonly unknown[], query: () => Promise<unknown>): Promise<unknown> {
    if (this.#isCalledByBorder) {
      const sent = query();
      this.#noteSent();
      return sent;
    }
    if (this.#mayAccompany(parameters)) {
      this.#read = this.#sent.then(query);
      return this.#read;
    }
    await this.over();
    return query();
  }

  /**
   * Waits until it is over, unless the running code is itself what begins or ends the transaction.
   *
   * @throws what it could not begin for.
   */
  async over(): Promise<void> {
    if (this.#isCalledByBorder) return;
    await this.begun;
    await this.settled;
  }

  #mayAccompany([sql, , isOfBuilder]: readonly unknown[]): boolean {
    return (
      this.client !== undefined &&
      !this.#isAnswered &&
      this.#read === undefined &&
      isOfBuilder === true &&
      String(sql).startsWith("SELECT ")
    );
  }

  get #isCalledByBorder(): boolean {
    return findFlow(this.owner, BeginFlow) !== undefined || findFlow(this.owner, EndFlow) !== undefined;
  }
}
