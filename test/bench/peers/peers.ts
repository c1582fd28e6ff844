import type { ScratchDatabaseName } from "../../support/scratch-database";
import type { PeerContender } from "../unit-of-work";
import { unitByMikroOrm } from "./mikro-orm";
import { unitBySequelize } from "./sequelize";

/** The libraries to compare with on a database. */
export function peersOn(name: ScratchDatabaseName): readonly PeerContender[] {
  // Sequelize has an SQLite of its own there, and two in one process undo each other's locks on a file.
  return name === "sqlite" ? [unitByMikroOrm] : [unitByMikroOrm, unitBySequelize];
}
