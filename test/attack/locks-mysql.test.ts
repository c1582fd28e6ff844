import { createLockRegistry, createLockTables, databaseLocks } from "typeorm-concurrency/locks";
import { Label, Project, projects, Task } from "../locks/project";
import { eachDatabase } from "../support/databases";

eachDatabase(
  (scratch) => {
    it("keeps a lease whose renewal changes nothing, where the client counts changed rows only", async () => {
      const options = { synchronize: true, flags: ["-FOUND_ROWS"] };
      const dataSource = await scratch().dataSource([Project, Task, Label], options).initialize();
      await createLockTables(dataSource);
      const locks = databaseLocks(dataSource);
      const lease = await createLockRegistry({ backend: locks }).acquire(projects(1), {
        operation: "import",
      });
      await lease.extend(600_000);
      await lease.extend(10_000);
      await lease.release();
      await expect(lease.extend()).rejects.toMatchObject({ code: "LEASE_LOST" });
    });
  },
  ["mariadb"],
);
