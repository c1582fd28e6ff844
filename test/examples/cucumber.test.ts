import { main } from "../../examples/cucumber/main";
import { eachDatabase } from "../support/databases";

describe("two editors of one cucumber", () => {
  it("end up with what each strategy makes of both edits", async () => {
    const lines = await main();
    // The older TypeORM has a list where the newer one has an equals sign.
    expect(lines.map((line) => line.replace('"id" IN (1)', '"id" = 1'))).toEqual([
      "ann changes the price, bob the title and the stock",
      "- client wins: Salad cucumber, price 99, stock 8, version 3",
      '  refused: UPDATE "product" SET "title" = ?, "stock" = 8, "version" = "version" + 1 WHERE "id" = 1 AND ("version" = 1) -- Salad cucumber',
      '  written: UPDATE "product" SET "title" = ?, "price" = 99, "stock" = 8, "version" = "version" + 1 WHERE "id" = 1 AND ("version" = 2) -- Salad cucumber',
      "- store wins: Cucumber, price 79, stock 10, version 2",
      '  refused: UPDATE "product" SET "title" = ?, "stock" = 8, "version" = "version" + 1 WHERE "id" = 1 AND ("version" = 1) -- Salad cucumber',
      "- merge: Salad cucumber, price 79, stock 8, version 3",
      '  refused: UPDATE "product" SET "title" = ?, "stock" = 8, "version" = "version" + 1 WHERE "id" = 1 AND ("version" = 1) -- Salad cucumber',
      '  written: UPDATE "product" SET "title" = ?, "stock" = 8, "version" = "version" + 1 WHERE "id" = 1 AND ("version" = 2) -- Salad cucumber',
      "both change the price",
      "- merge, which is refused again: Cucumber, price 79, stock 10, version 2",
      '  refused: UPDATE "product" SET "price" = 69, "version" = "version" + 1 WHERE "id" = 1 AND ("version" = 1)',
      "- merge, the lower price: Cucumber, price 69, stock 10, version 3",
      '  refused: UPDATE "product" SET "price" = 69, "version" = "version" + 1 WHERE "id" = 1 AND ("version" = 1)',
      '  written: UPDATE "product" SET "price" = 69, "version" = "version" + 1 WHERE "id" = 1 AND ("version" = 2)',
    ]);
  });

  eachDatabase(
    (scratch) => {
      it("end up with the same row", async () => {
        const lines = await main(scratch().dataSource([]).options);
        expect(lines.filter((line) => line.startsWith("- "))).toEqual([
          "- client wins: Salad cucumber, price 99, stock 8, version 3",
          "- store wins: Cucumber, price 79, stock 10, version 2",
          "- merge: Salad cucumber, price 79, stock 8, version 3",
          "- merge, which is refused again: Cucumber, price 79, stock 10, version 2",
          "- merge, the lower price: Cucumber, price 69, stock 10, version 3",
        ]);
      });
    },
    ["postgres", "mariadb"],
  );
});
