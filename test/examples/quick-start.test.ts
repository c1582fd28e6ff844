import { main } from "../../examples/quick-start/main";

it("lets the first of two editors through and tells the second", async () => {
  expect(await main()).toEqual([
    "ann: saved as version 2",
    "bob: you edited version 1, it is at version 2 now",
  ]);
});
