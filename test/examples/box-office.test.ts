import { main } from "../../examples/box-office/main";
import { eachDatabase } from "../support/databases";

const lines = [
  "sold: 20, at the first attempt: 20",
  "refused: concert 1 is sold out",
  "refused: concert 2 is sold out",
  "seats left at concert 1: 0",
  "seats left at concert 2: 0",
];

describe("a box office", () => {
  it("sells every seat once, at the first attempt", async () => {
    expect(await main()).toEqual(lines);
  });

  eachDatabase(
    (scratch) => {
      it("does so on a server too", async () => {
        expect(await main(scratch().dataSource([]).options)).toEqual(lines);
      });
    },
    ["postgres", "mariadb"],
  );
});
