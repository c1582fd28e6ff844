import type { DataSource } from "typeorm";
import type { OrderDesk } from "./containers";
import { JournalEntry } from "./journal-entry";
import { Order } from "./order";
import { Product } from "./product";
import { StockMovement } from "./stock-movement";

const customers = ["ann", "bob", "cleo", "dan", "eve"];

/** Five customers order the last five cucumbers at the same time. Returns what they were told and what the tables have. */
export async function openingDay(dataSource: DataSource, desk: OrderDesk): Promise<string> {
  const { manager } = dataSource;
  await manager.insert(Product, { id: 1, title: "Cucumber", stock: customers.length });
  const answers = await Promise.allSettled(customers.map((customer) => desk.place(customer, 1)));
  const placed = answers.filter(({ status }) => status === "fulfilled").length;
  const { stock } = await manager.findOneByOrFail(Product, { id: 1 });
  return [
    `orders placed: ${placed}`,
    `refused: ${answers.length - placed}`,
    `in the table: ${await manager.count(Order)}`,
    `booked out: ${await manager.count(StockMovement)}`,
    `in the journal: ${await JournalEntry.count()}`,
    `left of ${customers.length} cucumbers: ${stock}`,
  ].join(", ");
}
