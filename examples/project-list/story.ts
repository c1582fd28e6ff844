import type { DataSourceOptions } from "typeorm";
import type { BulkEdit } from "./bulk-edit";
import type { Connected } from "./data-source";
import { openForm, submitForm, type Form } from "./edit-project";
import { Project } from "./project";
import { projectList } from "./project-list";
import { Task } from "./task";
import type { WorkerProcess } from "./worker-process";

const job: BulkEdit = {
  operation: "bulk edit 17",
  reason: "ann leaves, ben takes over",
  projectIds: [1, 2],
  newOwner: "ben",
};

/** A bulk edit by a worker that does not survive it, the edits of other people meanwhile, and another worker. */
export async function story(
  office: Connected,
  database: DataSourceOptions,
  [worker, nextWorker]: readonly [WorkerProcess, WorkerProcess],
): Promise<string[]> {
  const lines: string[] = [];
  const show = async (): Promise<void> => void lines.push(...(await projectList(office)));
  const submit = async (target: typeof Project | typeof Task, form: Form, title: string): Promise<void> => {
    const { status, body = "saved" } = await submitForm(office, target, { ...form, title });
    lines.push(`${form.title} to ${title}: ${status} ${body}`);
  };
  const website = await openForm(office, Project, 1);
  const design = await openForm(office, Task, 21);
  const app = await openForm(office, Project, 3);

  lines.push(`the worker ${await worker.tell({ database, job })}`);
  await show();
  await submit(Project, website, "homepage");
  await submit(Task, design, "drawings");
  await submit(Project, app, "game");
  lines.push(`the worker ${await worker.tell("go on")}`);
  await worker.kill();
  lines.push("the worker is killed");
  await show();

  const untilFree = { operation: "edit 4711", reason: "somebody is editing it", waitMs: 60_000 };
  await office.locks.run([{ target: Project, id: 2 }], untilFree, () => submit(Task, design, "drawings"));
  await submit(Project, website, "homepage");

  const rest = { ...job, projectIds: [2] };
  lines.push(`the next worker ${await nextWorker.tell({ database, job: rest })}`);
  lines.push(`the next worker ${await nextWorker.tell("go on")}`);
  lines.push(`the next worker ${await nextWorker.tell("go on")}`);
  await show();
  return lines;
}
