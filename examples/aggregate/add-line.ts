import { dataSource } from "./data-source";
import type { Order } from "./order";
import { OrderLine } from "./order-line";

/** Adds a line to an order as somebody has loaded it. */
export async function addLine(order: Order, text: string): Promise<string> {
  order.lines.push(dataSource.manager.create(OrderLine, { text }));
  await dataSource.manager.save(order);
  return `has added ${text}, the order is at version ${order.version}`;
}
