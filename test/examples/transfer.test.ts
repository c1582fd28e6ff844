import { main } from "../../examples/transfer/main";
import { eachDatabase } from "../support/databases";

describe("transfers between accounts", () => {
  eachDatabase((scratch) => {
    // The databases differ in who is the first to notice, and MariaDB in its versions.
    const lost = "(busy|conflict|serialization-failure)";
    it("keep the sum, are in the ledger once each, and never overdraw an account", async () => {
      expect(await main(scratch().dataSource([]).options)).toEqual([
        "at first: ann 1000, bob 1000, cleo 1000, together 3000; 0 transfers in the ledger",
        '15 payments in a circle: 15 times "paid"',
        "ann 1000, bob 1000, cleo 1000, together 3000; 15 transfers in the ledger",
        '15 payments of 100 by ann: 5 times "ann has only 0 cents", 10 times "paid"',
        "ann 0, bob 2000, cleo 1000, together 3000; 25 transfers in the ledger",
        expect.stringMatching(
          "^one that is always too late: not paid after 3 runs, try again later " +
            `\\(run 1 has lost: ${lost}; run 2 has lost: ${lost}; given up after run 3\\)$`,
        ),
        "one whose COMMIT gets no answer: paid, the answer was lost",
        "the same once more: paid",
        "ann 0, bob 1900, cleo 1100, together 3000; 26 transfers in the ledger",
      ]);
    });
  });
});
