import { createLockTables } from "typeorm-concurrency/locks";
import type { Connected } from "./data-source";
import { Project } from "./project";

const titles = ["website", "shop", "app"];

/** Makes the tables, those of the locks included, and three projects of Ann's with two tasks each. */
export async function openingDay({ dataSource }: Connected): Promise<void> {
  await dataSource.synchronize(true);
  await createLockTables(dataSource);
  await dataSource.manager.save(
    titles.map((title, index) => {
      const id = index + 1;
      return dataSource.manager.create(Project, {
        ...{ id, title, owner: "ann" },
        tasks: ["plan", "design"].map((task, nth) => ({ id: 10 * id + nth, title: task, owner: "ann" })),
      });
    }),
  );
}
