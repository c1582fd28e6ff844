import type { QueryRunner } from "typeorm";
import { Flow } from "../flow";
import type { Operation, Slot } from "./operation";

/** The application's code inside an operation: the callback of a transaction, the work of a unit. */
export class CallbackFlow extends Flow {
  // What it has left running must not be taken for a part of the operation.
  override readonly isMissed = true;

  constructor(
    owner: object,
    readonly queryRunner: QueryRunner,
    readonly operation: Operation,
    readonly slot: Slot,
  ) {
    super(owner);
  }
}
