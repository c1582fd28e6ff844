import type { DataSource } from "typeorm";
import { OrderService as BareOrderService } from "./bare/order-service";
import { StockService as BareStockService } from "./bare/stock-service";
import { OrderService } from "./decorated/order-service";
import { StockService } from "./decorated/stock-service";
import { Order } from "./order";
import { PriceList } from "./price-list";
import { Product } from "./product";

/** What a customer meets. */
export type OrderDesk = Pick<OrderService, "place">;

/** Puts the services together as the container of a framework does. */
export function bareServices(dataSource: DataSource): OrderDesk {
  const stock = new BareStockService(dataSource, dataSource.getRepository(Product), new PriceList());
  return new BareOrderService(dataSource.getRepository(Order), stock);
}

/** The same with the decorated ones. */
export function decoratedServices(dataSource: DataSource): OrderDesk {
  const stock = new StockService(dataSource, dataSource.getRepository(Product), new PriceList());
  return new OrderService(dataSource.getRepository(Order), stock);
}
