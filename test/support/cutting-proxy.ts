import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/**
 * What the proxy does to the next connection that sends COMMIT: `before` closes it without passing the COMMIT on, `after`
 * passes it on and closes the connection when the server has answered, so that nobody hears the answer.
 */
export type Cut = "before" | "after";

/** A TCP proxy in front of a database server, which can cut a connection at its COMMIT. */
export class CuttingProxy {
  cut: Cut | undefined;
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async before(host: string, port: number): Promise<CuttingProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const proxy = new CuttingProxy(server, (server.address() as AddressInfo).port);
    server.on("connection", (client) => proxy.#join(client, connect(port, host)));
    return proxy;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #join(client: Socket, server: Socket): void {
    let isCutting = false;
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("error", end).on("close", end);
    }
    client.on("data", (data) => {
      const { cut } = this;
      if (cut !== undefined && data.includes("COMMIT")) {
        this.cut = undefined;
        if (cut === "before") {
          end();
          return;
        }
        isCutting = true;
      }
      server.write(data);
    });
    server.on("data", (data) => {
      if (isCutting) end();
      else client.write(data);
    });
  }
}
