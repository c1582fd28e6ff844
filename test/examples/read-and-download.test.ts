import { main } from "../../examples/read-and-download/main";
import { eachDatabase } from "../support/databases";

const answers = [
  "bare TypeORM: the download was told that it is done; read: no, downloaded: yes",
  "guarded: the download was refused (OptimisticLockError); read: yes, downloaded: no",
  "guarded, modifyLatest: the download was told that it is done; read: yes, downloaded: yes",
];

describe("a post that is read while it is downloaded", () => {
  it("ends up with both changes only by modifyLatest", async () => {
    expect(await main()).toEqual(answers);
  });

  eachDatabase(
    (scratch) => {
      it("ends up so on a server too", async () => {
        expect(await main(scratch().dataSource([]).options)).toEqual(answers);
      });
    },
    ["postgres", "mariadb"],
  );
});
