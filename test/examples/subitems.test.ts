import { main } from "../../examples/subitems/main";
import { eachDatabase } from "../support/databases";

const whole = "15 of 15 pushed tracks are on the playlist, 5 of 5 added ones, 40 of 40 stars, \\d+ ms";

eachDatabase((scratch) => {
  it("loses tracks and stars with bare TypeORM, and none with units of work", async () => {
    const [bare, parallel, sequence] = await main(scratch().dataSource([]).options as never, 5);
    expect(parallel).toMatch(new RegExp(`^runParallel: ${whole}$`));
    expect(sequence).toMatch(new RegExp(`^runParallel, one at a time: ${whole}$`));
    expect(bare).toMatch(/^bare TypeORM: /);
    expect(bare).not.toMatch(new RegExp(whole));
  });
});
