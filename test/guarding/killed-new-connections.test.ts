import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { guardDataSource } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";

const field = (name: string, value: string): Buffer => Buffer.from(`${name}${value}\0`);
const farewellFields = Buffer.concat([
  field("S", "FATAL"),
  field("V", "FATAL"),
  field("C", "57P01"),
  field("M", "terminating connection due to administrator command"),
  Buffer.from([0]),
]);
const farewellLength = Buffer.alloc(4);
farewellLength.writeInt32BE(farewellFields.length + 4);
const farewell = Buffer.concat([Buffer.from("E"), farewellLength, farewellFields]);
const ready = Buffer.from("Z\0\0\0\u0005I");

eachDatabase(
  (scratch) => {
    let server: Server;
    let isKilling = false;

    /** A PostgreSQL that takes leave in the very packet in which it says that it is ready. */
    beforeAll(async () => {
      const url = new URL((scratch().dataSource([]).options as { url: string }).url);
      server = createServer((client) => {
        const upstream = connect(Number(url.port || 5432), url.hostname);
        const end = (): void => {
          client.destroy();
          upstream.destroy();
        };
        for (const socket of [client, upstream]) socket.on("error", end).on("close", end);
        client.on("data", (data) => upstream.write(data));
        upstream.on("data", (data) => {
          if (isKilling && data.includes(ready)) client.end(Buffer.concat([data, farewell]));
          else client.write(data);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    });
    afterAll(() => new Promise((resolve) => server.close(resolve)));

    it("do not end the process", async () => {
      const url = new URL((scratch().dataSource([]).options as { url: string }).url);
      url.hostname = "127.0.0.1";
      url.port = String((server.address() as AddressInfo).port);
      const dataSource = guardDataSource(scratch().dataSource([], { url: url.toString() }));
      await dataSource.initialize();
      isKilling = true;
      const busy = dataSource.query("SELECT pg_sleep(0.3)");
      await expect(dataSource.query("SELECT 1")).rejects.toThrow();
      isKilling = false;
      await busy;
      expect(await dataSource.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
      await dataSource.destroy();
    });
  },
  ["postgres"],
);
