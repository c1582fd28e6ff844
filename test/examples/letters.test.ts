import { main } from "../../examples/letters/main";
import { eachDatabase, type DatabaseName } from "../support/databases";

const failures: Readonly<Record<DatabaseName, string>> = {
  sqlite: "no such savepoint: typeorm_8",
  postgres: 'savepoint "typeorm_8" does not exist|current transaction is aborted',
  mariadb: "SAVEPOINT typeorm_8 does not exist",
};
const inOrder = "saw 1, 2, 3, 4, 5, 6, 7, 8";

eachDatabase((scratch, database) => {
  it("stores letters in parallel with a manager each, and none with one manager that all share", async () => {
    const each = database === "sqlite" ? inOrder : "saw \\d(, \\d){7}";
    const expected = [
      ["one manager, in sequence", inOrder, 8],
      ["one manager, in parallel", `failed, .*(${failures[database]}).*`, 0],
      [
        "one manager, in parallel, watched",
        "failed, Two at once by one EntityManager.*: a transaction\\(\\) \\(.*one-manager.ts.*\\) was refused because a " +
          "transaction\\(\\) \\(.*one-manager.ts.*\\) came first .*",
        0,
      ],
      ["one manager, under a mutex", inOrder, 8],
      ["one manager each, all at once", each, 8],
      ["one manager each, from the pool", each, 8],
    ];
    expect(await main(scratch().dataSource([]).options)).toEqual(
      expected.flatMap(([name, answer, stored]) => [
        expect.stringMatching(`^${name}: ${answer}$`),
        `  ${stored} of 8 letters are stored`,
      ]),
    );
  });
});
