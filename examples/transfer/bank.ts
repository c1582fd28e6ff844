import { DataSource, type DataSourceOptions } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import { Account } from "./account";
import { LedgerEntry } from "./ledger-entry";

/** A DataSource on the bank's database, as each of its servers has one. */
export function openBank(database: DataSourceOptions): Promise<DataSource> {
  return guardDataSource(new DataSource({ ...database, entities: [Account, LedgerEntry] })).initialize();
}

/** What must hold whatever happens. */
export async function audit({ manager }: DataSource): Promise<string> {
  const accounts = await manager.find(Account, { order: { owner: "ASC" } });
  const balances = accounts.map(({ cents, owner }) => `${owner} ${cents}`).join(", ");
  const sum = accounts.reduce((total, { cents }) => total + cents, 0);
  return `${balances}, together ${sum}; ${await manager.count(LedgerEntry)} transfers in the ledger`;
}
