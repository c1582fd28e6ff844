import { main } from "../../examples/cucumber/main";
import { eachDatabase } from "../support/databases";

describe("two editors of one cucumber", () => {
  it("end up with what each strategy makes of both edits", async () => {
    const lines = await main();
    expect(lines.map((line) => line.replace('"id" IN (1)', '"id" = 1'))).toEqual([
      "ann changes the price, bob the title and the stock",
      "- client wins: Salad cucumber, price 99, stock 8, version 3",
      '  refused: UPDATE "product" SET "title" = ?, "stock" = ?, "version" = "version" + 1 WHERE "id" = ? AND ("version" = ?) -- Salad cucumber -- 8 -- 1 -- 1',
      '  written: UPDATE "product" SET "title" = ?, "price" = ?, "stock" = ?, "version" = "version" + 1 WHERE "id" = ? AND ("version" = ?) -- Salad cucumber -- 99 -- 8 -- 1 -- 2',
      "- store wins: Cucumber, price 79, stock 10, version 2",
      '  refused: UPDATE "product" SET "title" = ?, "stock" = ?, "version" = "version" + 1 WHERE "id" = ? AND ("version" = ?) -- Salad cucumber -- 8 -- 1 -- 1',
      "- merge: Salad cucumber, price 79, stock 8, version 3",
      '  refused: UPDATE "product" SET "title" = ?, "stock" = ?, "version" = "version" + 1 WHERE "id" = ? AND ("version" = ?) -- Salad cucumber -- 8 -- 1 -- 1',
      '  written: UPDATE "product" SET "title" = ?, "stock" = ?, "version" = "version" + 1 WHERE "id" = ? AND ("version" = ?) -- Salad cucumber -- 8 -- 1 -- 2',
      "both change the price",
      "- merge, which is refused again: Cucumber, price 79, stock 10, version 2",
      '  refused: UPDATE "product" SET "price" = ?, "version" = "version" + 1 WHERE "id" = ? AND ("version" = ?) -- 69 -- 1 -- 1',
      "- merge, the lower price: Cucumber, price 69, stock 10, version 3",
      '  refused: UPDATE "product" SET "price" = ?, "version" = "version" + 1 WHERE "id" = ? AND ("version" = ?) -- 69 -- 1 -- 1',
      '  written: UPDATE "product" SET "price" = ?, "version" = "version" + 1 WHERE "id" = ? AND ("version" = ?) -- 69 -- 1 -- 2',
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
