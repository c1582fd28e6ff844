import { dataSource } from "./data-source";
import { Order } from "./order";

export function loadOrder(id: number): Promise<Order> {
  return dataSource.manager.findOneOrFail(Order, { where: { id }, relations: { lines: true } });
}
