import type { EntityTarget } from "typeorm";
import { expectVersion, versionOf } from "typeorm-concurrency";
import type { Connected } from "./data-source";
import type { Project } from "./project";
import { respond, type Response } from "./respond";
import type { Task } from "./task";

type Edited = EntityTarget<Project | Task>;

/** What a web page has in its form: the version in a hidden field. */
export interface Form {
  readonly id: number;
  readonly title: string;
  readonly version: string;
}

export async function openForm({ dataSource }: Connected, target: Edited, id: number): Promise<Form> {
  const entity = await dataSource.manager.findOneByOrFail(target, { id });
  return { id, title: entity.title, version: versionOf(entity) };
}

/** Another request, maybe much later. It locks nothing: a short edit is checked, by its version and for locks of others. */
export function submitForm(
  { dataSource }: Connected,
  target: Edited,
  { id, title, version }: Form,
): Promise<Response> {
  return respond(async () => {
    const entity = await dataSource.manager.findOneByOrFail(target, { id });
    await dataSource.manager.save(Object.assign(expectVersion(entity, version), { title }));
  });
}
