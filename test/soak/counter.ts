import { Column, Entity, PrimaryColumn } from "typeorm";
import { RowVersion } from "typeorm-concurrency";

/** A row that everybody increments. */
@Entity({ name: "soak_counter" })
export class Counter {
  @PrimaryColumn("int") id: number;
  @Column("int") value: number;
  @RowVersion() version: number;
}
