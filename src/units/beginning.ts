import type { Writable } from "node:stream";
import { findFlow, Flow } from "../guarding/flow";
import { settled } from "../guarding/settled";
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
  /** Resolves when it was sent, or could not be. */
  readonly #sent = new Promise<void>((resolve) => (this.#noteSent = resolve));

  /** @param client undefined where nothing is sent beside it. */
  constructor(
    private readonly owner: object,
    private readonly client: PipeliningClient | undefined,
    start: () => Promise<void>,
  ) {
    const pipelinedBefore = client?.pipeline;
    if (client !== undefined) {
      client.pipeline = true;
      sendTogether(client.connection.stream);
    }
    this.begun = new BeginFlow(owner).run(start);
    this.settled = this.#settle(pipelinedBefore);
  }

  async #settle(pipelinedBefore: boolean | undefined): Promise<void> {
    await settled(this.begun);
    this.#isAnswered = true;
    this.#noteSent();
    if (this.#read !== undefined) await settled(this.#read);
    if (this.client !== undefined) this.client.pipeline = pipelinedBefore === true;
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
      this.#read = this.#sendBeside(query);
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

  async #sendBeside(query: () => Promise<unknown>): Promise<unknown> {
    await this.#sent;
    // Not if it has been answered, which may be that it could not begin.
    if (this.#isAnswered) await this.begun;
    return query();
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

/** Lets what is sent until the running code waits for something outside of the process go in one packet. */
function sendTogether(stream: Writable): void {
  stream.cork();
  process.nextTick(() => stream.uncork());
}
