import type { Connected } from "./data-source";
import { Project } from "./project";

/** The page: each project, and why it cannot be edited now, if so. */
export async function projectList({ dataSource, locks }: Connected): Promise<string[]> {
  const projects = await dataSource.manager.find(Project, { order: { id: "ASC" } });
  const locked = await locks.lockedIds(
    Project,
    projects.map(({ id }) => id),
  );
  return projects.map(({ id, owner, title }) => {
    const lock = locked.get(id);
    return `${id} ${title}, of ${owner}${lock === undefined ? "" : `, locked: ${lock.reason}`}`;
  });
}
