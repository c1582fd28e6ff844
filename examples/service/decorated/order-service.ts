import type { Repository } from "typeorm";
import { UnitOfWork } from "typeorm-concurrency";
import { JournalEntry } from "../journal-entry";
import type { Order } from "../order";
import type { StockService } from "./stock-service";

export class OrderService {
  constructor(
    private readonly orders: Repository<Order>,
    private readonly stock: StockService,
  ) {}

  @UnitOfWork()
  async place(customer: string, productId: number): Promise<Order> {
    const price = await this.stock.takeOne(productId);
    const order = await this.orders.save(this.orders.create({ customer, productId, price }));
    await JournalEntry.create({ text: `${customer} has order ${order.id}` }).save();
    return order;
  }
}
