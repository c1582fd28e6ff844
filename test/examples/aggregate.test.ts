import { main } from "../../examples/aggregate/main";

it("lets one of two people add a line, both when they try again, and one of two edit the note", async () => {
  expect(await main()).toEqual([
    "ann has added apples, the order is at version 2",
    "bob has added nothing, the order was changed since he loaded it",
    "ann has added cheese, the order is at version 3",
    "bob has added dates, the order is at version 4",
    'ann has written "ring twice"',
    "bob has to look again, the order has changed since the form was opened",
    "the order has apples, cheese, dates",
  ]);
});
