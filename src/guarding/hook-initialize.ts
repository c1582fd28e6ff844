import type { DataSource } from "typeorm";
import type { Guard } from "./guard";
import { restoreProperty } from "./restore-property";

/*
 * Why here: the entities' metadata exists once the DataSource is initialized, and each initialize makes it anew, so
 * what depends on it is done after TypeORM's own, on the instance. Undone by the returned function.
 */

/** Calls `onInitialized` after each initialize of the DataSource; when it throws, the DataSource is closed again. */
export function hookInitialize({ dataSource }: Guard, onInitialized: () => void): () => void {
  const ownBefore = Object.getOwnPropertyDescriptor(dataSource, "initialize");
  const initialize = dataSource.initialize;
  Object.defineProperty(dataSource, "initialize", {
    configurable: true,
    writable: true,
    async value(this: DataSource): Promise<DataSource> {
      await initialize.call(this);
      try {
        onInitialized();
      } catch (error) {
        await this.destroy();
        throw error;
      }
      return this;
    },
  });
  return () => restoreProperty(dataSource, "initialize", ownBefore);
}
