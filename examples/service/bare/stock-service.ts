import type { DataSource, Repository } from "typeorm";
import type { PriceList } from "../price-list";
import type { Product } from "../product";
import { StockMovement } from "../stock-movement";

export class StockService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly products: Repository<Product>,
    private readonly priceList: PriceList,
  ) {}

  /** Takes one piece out of the stock, and tells its price. */
  async takeOne(productId: number): Promise<number> {
    const product = await this.products.findOneByOrFail({ id: productId });
    const price = await this.priceList.priceOf(product.title);
    if (product.stock === 0) throw new Error(`${product.title} is sold out`);
    product.stock -= 1;
    await this.dataSource.transaction(async (manager) => {
      await manager.save(product);
      await manager.insert(StockMovement, { productId, pieces: -1 });
    });
    return price;
  }
}
