import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { DelayedLine } from "./delayed-line";

// A timer comes up to this much late.
const timerSlackMs = 2;

/** A TCP proxy on loopback that passes everything on in order, but later: half of the latency there, half of it back. */
export class DelayingProxy {
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async before(host: string, port: number, latencyMs: number): Promise<DelayingProxy> {
    // A client may end its half of the connection before it has heard all.
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const proxy = new DelayingProxy(server, (server.address() as AddressInfo).port);
    server.on("connection", (client) =>
      proxy.#join(client, connect({ host, port, allowHalfOpen: true, noDelay: true }), latencyMs / 2),
    );
    return proxy;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #join(client: Socket, server: Socket, delayMs: number): void {
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("error", end).on("close", () => this.#sockets.delete(socket));
    }
    passOn(client, server, delayMs);
    passOn(server, client, delayMs);
  }
}

function passOn(from: Socket, to: Socket, delayMs: number): void {
  const line = new DelayedLine<Buffer | "end">(delayMs);
  let isWaiting = false;
  const wait = (): void => {
    const { nextAt } = line;
    isWaiting = nextAt !== undefined;
    if (nextAt === undefined) return;
    const waitMs = nextAt - performance.now() - timerSlackMs;
    if (waitMs > 0) setTimeout(deliver, waitMs);
    else setImmediate(deliver);
  };
  const deliver = (): void => {
    for (const piece of line.take(performance.now())) {
      if (to.destroyed) continue;
      if (piece === "end") to.end();
      else to.write(piece);
    }
    wait();
  };
  const put = (piece: Buffer | "end"): void => {
    line.put(piece, performance.now());
    if (!isWaiting) wait();
  };
  from.on("data", put).on("end", () => put("end"));
}
