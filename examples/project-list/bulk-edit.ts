import { runUnitOfWork } from "typeorm-concurrency";
import type { Connected } from "./data-source";
import { Project } from "./project";

/** Gives projects, and all their tasks, to somebody else. */
export interface BulkEdit {
  /** Of this job and no other: whoever locks by the same name is the same holder. */
  readonly operation: string;
  readonly reason: string;
  readonly projectIds: readonly number[];
  readonly newOwner: string;
}

/** @param report is told what was done; the work goes on when it has resolved. */
export async function runBulkEdit(
  { dataSource, locks }: Connected,
  { newOwner, operation, projectIds, reason }: BulkEdit,
  report: (progress: string) => Promise<void>,
): Promise<void> {
  const projects = projectIds.map((id) => ({ target: Project, id }));
  await locks.run(projects, { operation, reason, waitMs: 60_000 }, async ({ resources, signal }) => {
    await report(`has locked ${resources.length} entities`);
    for (const id of projectIds) {
      signal.throwIfAborted();
      const tasks = await runUnitOfWork(
        dataSource,
        async (manager) => {
          const project = await manager.findOneOrFail(Project, { where: { id }, relations: { tasks: true } });
          for (const each of [project, ...project.tasks]) each.owner = newOwner;
          await manager.save(project);
          return project.tasks.length;
        },
        { signal },
      );
      await report(`has given project ${id} and its ${tasks} tasks to ${newOwner}`);
    }
  });
}
