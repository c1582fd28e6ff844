import { Column, Entity, PrimaryColumn } from "typeorm";
import { RowVersion } from "typeorm-concurrency";

@Entity()
export class Account {
  @PrimaryColumn({ length: 40 })
  owner: string;

  @Column("int")
  cents: number;

  /** How often the owner was looked at, by the fraud department. */
  @Column("int", { default: 0 })
  checks: number;

  @RowVersion()
  version: number;
}
