import { isOptimisticLockError } from "typeorm-concurrency";
import { addLine } from "./add-line";
import { dataSource } from "./data-source";
import { loadOrder } from "./load-order";
import { openForm, submitForm } from "./note-form";
import { Order } from "./order";
import { tryAgain } from "./try-again";

export async function main(): Promise<string[]> {
  await dataSource.initialize();
  await dataSource.manager.save(dataSource.manager.create(Order, { id: 1, lines: [] }));
  const answers = [
    ...(await addAtOnce()),
    ...(await addAtOnceTryingAgain()),
    ...(await editTheNote()),
    `the order has ${(await loadOrder(1)).lines
      .map(({ text }) => text)
      .sort()
      .join(", ")}`,
  ];
  await dataSource.destroy();
  return answers;
}

/** Both have loaded the order before one of them saves: there is room for one. */
async function addAtOnce(): Promise<string[]> {
  const [annsOrder, bobsOrder] = [await loadOrder(1), await loadOrder(1)];
  return [
    `ann ${await addLine(annsOrder, "apples")}`,
    `bob ${await addLine(bobsOrder, "bread").catch((error: unknown) => {
      if (!isOptimisticLockError(error)) throw error;
      return "has added nothing, the order was changed since he loaded it";
    })}`,
  ];
}

/** The same once more, but who was refused loads the order again and adds his line to that. */
async function addAtOnceTryingAgain(): Promise<string[]> {
  const [annsOrder, bobsOrder] = [await loadOrder(1), await loadOrder(1)];
  const add = (order: Order, text: string): Promise<string> =>
    tryAgain(async (attempt) => addLine(attempt === 1 ? order : await loadOrder(1), text));
  return [`ann ${await add(annsOrder, "cheese")}`, `bob ${await add(bobsOrder, "dates")}`];
}

/** Nobody tries again by himself here: what the two have seen is on paper, and the second one has to look again. */
async function editTheNote(): Promise<string[]> {
  const [annsForm, bobsForm] = [await openForm(1), await openForm(1)];
  return [
    `ann ${await submitForm({ ...annsForm, note: "ring twice" })}`,
    `bob ${await submitForm({ ...bobsForm, note: "leave at the door" })}`,
  ];
}

if (require.main === module) void main().then((answers) => console.log(answers.join("\n")));
