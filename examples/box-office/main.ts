import { DataSource, type DataSourceOptions } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import { BoxOffice } from "./box-office";
import { Concert } from "./concert";

const inMemory: DataSourceOptions = { type: "better-sqlite3", database: ":memory:" };
const seats = 10;

export async function main(database = inMemory): Promise<string[]> {
  const dataSource = await guardDataSource(
    new DataSource({ ...database, entities: [Concert], synchronize: true, dropSchema: true }),
  ).initialize();
  await dataSource.manager.insert(Concert, [
    { id: 1, seatsLeft: seats },
    { id: 2, seatsLeft: seats },
  ]);
  const office = new BoxOffice(dataSource);
  const sales = Array.from({ length: 2 * (seats + 1) }, (_, sale) => office.sellSeat((sale % 2) + 1));
  const [outcomes] = await Promise.all([Promise.allSettled(sales), office.close()]);
  const sold = outcomes.flatMap((sale) => (sale.status === "fulfilled" ? [sale.value] : []));
  const refused = outcomes.flatMap((sale) => (sale.status === "rejected" ? [sale.reason as Error] : []));
  const concerts = await dataSource.manager.find(Concert, { order: { id: "ASC" } });
  await dataSource.destroy();
  return [
    `sold: ${sold.length}, at the first attempt: ${sold.filter((attempt) => attempt === 1).length}`,
    ...refused.map(({ message }) => `refused: ${message}`),
    ...concerts.map(({ id, seatsLeft }) => `seats left at concert ${id}: ${seatsLeft}`),
  ];
}

if (require.main === module) void main().then((lines) => console.log(lines.join("\n")));
