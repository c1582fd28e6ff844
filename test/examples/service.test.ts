import { readFileSync } from "node:fs";
import { join } from "node:path";
import { main } from "../../examples/service/main";
import { eachDatabase } from "../support/databases";

// Its services ask for the one guarded DataSource that there is: nothing may run beside it in this process.
jest.setTimeout(30_000);

const textOf = (file: string): string =>
  readFileSync(join(__dirname, "../../examples/service", file), "utf8");

const sold =
  "orders placed: 5, refused: 0, in the table: 5, booked out: 5, in the journal: 5, left of 5 cucumbers: 0";

describe("an existing service", () => {
  it("sells pieces twice as it is, refuses four of five customers guarded, and serves all as units of work", async () => {
    expect(await main()).toEqual([
      "bare TypeORM: orders placed: 5, refused: 0, in the table: 5, booked out: 5, in the journal: 5, left of 5 cucumbers: 4",
      "guarded: orders placed: 1, refused: 4, in the table: 1, booked out: 1, in the journal: 1, left of 5 cucumbers: 4",
      `guarded, @UnitOfWork(): ${sold}`,
      "one more: Cucumber is sold out",
    ]);
  });

  // How many customers come between each other's load and save is up to the server here.
  eachDatabase(
    (scratch) => {
      it("serves all customers as units of work", async () => {
        const [, , decorated, oneMore] = await main(scratch().dataSource([]).options);
        expect([decorated, oneMore]).toEqual([
          `guarded, @UnitOfWork(): ${sold}`,
          "one more: Cucumber is sold out",
        ]);
      });
    },
    ["postgres", "mariadb"],
  );

  it.each(["order-service.ts", "stock-service.ts"])(
    "differs in %s by the decorator and its import alone",
    (file) => {
      const undecorated = textOf(`decorated/${file}`)
        .replace('import { UnitOfWork } from "typeorm-concurrency";\n', "")
        .replace("  @UnitOfWork()\n", "");
      expect(undecorated).toBe(textOf(`bare/${file}`));
    },
  );
});
