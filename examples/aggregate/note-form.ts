import { expectVersion, isOptimisticLockError, versionOf } from "typeorm-concurrency";
import { dataSource } from "./data-source";
import { loadOrder } from "./load-order";

/** What a web page has in its form: the version in a hidden field. */
export interface NoteForm {
  readonly id: number;
  readonly note: string;
  readonly version: string;
}

export async function openForm(id: number): Promise<NoteForm> {
  const order = await loadOrder(id);
  return { id, note: order.note, version: versionOf(order) };
}

/** Another request, much later: of the order it knows what the form brings back. */
export async function submitForm({ id, note, version }: NoteForm): Promise<string> {
  const order = expectVersion(await loadOrder(id), version);
  try {
    await dataSource.manager.save(Object.assign(order, { note }));
    return `has written "${order.note}"`;
  } catch (error) {
    if (!isOptimisticLockError(error)) throw error;
    return "has to look again, the order has changed since the form was opened";
  }
}
