import type { DataSource } from "typeorm";
import { createSerialActor, type SerialActor } from "typeorm-concurrency";
import { Concert } from "./concert";

/** Sells seats: those of one concert one after the other, those of several concerts side by side. */
export class BoxOffice {
  readonly #sales: SerialActor;

  constructor(dataSource: DataSource) {
    this.#sales = createSerialActor(dataSource, { maxPending: 1000 });
  }

  /** @returns the number of the attempt that sold it. */
  async sellSeat(concertId: number): Promise<number> {
    return this.#sales.run(concertId, async (manager, attempt) => {
      const concert = await manager.findOneByOrFail(Concert, { id: concertId });
      if (concert.seatsLeft === 0) throw new Error(`concert ${concertId} is sold out`);
      concert.seatsLeft -= 1;
      await manager.save(concert);
      return attempt.number;
    });
  }

  /** Sells what was asked for already, and nothing more. */
  async close(): Promise<void> {
    await this.#sales.close();
  }
}
