import type { EntityMetadata } from "typeorm";
import { UncheckedWriteError } from "../errors/unchecked-write-error";

/** Refuses a statement of TypeORM's persistence that has no save of the guard's around it. */
export function refuseUnseenSave(metadata: EntityMetadata): never {
  throw new UncheckedWriteError(
    metadata.name,
    `was saved on a way that the guard does not see, by an EntityManager that is older than the guard or that ` +
      `was made without it. Call guardDataSource before anything takes a manager or repository from the DataSource.`,
  );
}
