import "reflect-metadata";
import { Column, DataSource, Entity, OptimisticLockVersionMismatchError, PrimaryColumn } from "typeorm";
import { guardDataSource, isOptimisticLockError, RowVersion, type Conflict } from "typeorm-concurrency";

@Entity()
class Product {
  @PrimaryColumn("int") id!: number;
  @Column("varchar") title!: string;
  @RowVersion() version!: number;
}

export interface Outcome {
  readonly conflicts: readonly Conflict[];
  readonly isTypeormError: boolean;
  readonly titleInRow: string;
}

/** What becomes of a save whose row has changed since it was loaded. */
export async function saveStale(): Promise<Outcome> {
  const dataSource = guardDataSource(
    new DataSource({ type: "sqljs", entities: [Product], synchronize: true }),
  );
  await dataSource.initialize();
  const { manager } = dataSource;
  const load = (): Promise<Product> => manager.findOneByOrFail(Product, { id: 1 });
  await manager.save(Object.assign(new Product(), { id: 1, title: "new" }));

  const stale = await load();
  await manager.save(Object.assign(await load(), { title: "changed" }));
  stale.title = "overwritten";
  const error: unknown = await manager.save(stale).catch((reason: unknown) => reason);
  const { title } = await load();
  await dataSource.destroy();

  if (!isOptimisticLockError(error)) throw new Error("The stale save was not refused.", { cause: error });
  return {
    conflicts: error.conflicts,
    isTypeormError: error instanceof OptimisticLockVersionMismatchError,
    titleInRow: title,
  };
}
