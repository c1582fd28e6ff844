import { setTimeout } from "node:timers/promises";

/** Somebody else's service, which takes a moment to answer. */
export class PriceList {
  async priceOf(title: string): Promise<number> {
    return setTimeout(5, 9 * title.length);
  }
}
