import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./embedded-postgres";
import { makeScratchFolder } from "./scratch-folder";

/** Where the tests look for Redis. */
export function redisUrl(): string {
  return process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379";
}

/** Whether a server answers. */
export async function answersPing(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port || 6379), hostname);
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2000, () => end(false));
    socket.on("error", () => end(false));
    socket.on("connect", () => socket.write("PING\r\n"));
    // One that asks for a password is there too.
    socket.on("data", () => end(true));
  });
}

/** Why there is no server program to start, if there is none. */
export const redisServerAbsent =
  spawnSync("redis-server", ["--version"]).status === 0 ? undefined : "there is no redis-server to start";

const persistence = ['save ""', "appendonly yes", "appendfsync always"];

/** A Redis server of a test's own, which keeps its data while it is stopped. */
export class OwnRedis {
  #process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly flags: readonly string[],
  ) {}

  /** @param settings lines of its configuration. */
  static async start(...settings: string[]): Promise<OwnRedis> {
    return OwnRedis.#start([...persistence, ...settings], []);
  }

  /** A Sentinel that watches a server under the name `main`. */
  static async startSentinel({ port }: OwnRedis): Promise<OwnRedis> {
    return OwnRedis.#start([`sentinel monitor main 127.0.0.1 ${port} 1`], ["--sentinel"]);
  }

  static async #start(settings: readonly string[], flags: readonly string[]): Promise<OwnRedis> {
    const folder = makeScratchFolder("typeorm-concurrency-redis-");
    const server = new OwnRedis(await freePort(), folder, flags);
    const lines = [`port ${server.port}`, "bind 127.0.0.1", `dir ${folder}`, ...settings];
    writeFileSync(join(folder, "redis.conf"), lines.join("\n"));
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const parameters = [join(this.folder, "redis.conf"), ...this.flags];
    this.#process = spawn("redis-server", parameters, { stdio: "ignore" });
    while (!(await answersPing(this.url))) await sleep(20);
  }

  /** Stops answering, as a process that gets no processor does. */
  pause(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined) return;
    running.kill("SIGCONT");
    const exited = new Promise((resolve) => running.once("exit", resolve));
    running.kill("SIGKILL");
    await exited;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
