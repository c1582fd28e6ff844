import { BaseEntity, Column, Entity, PrimaryColumn } from "typeorm";
import { RowVersion } from "typeorm-concurrency";

/** What units of work are tried on. */
@Entity()
export class Account extends BaseEntity {
  @PrimaryColumn("int") id: number;
  @Column("int", { default: 0 }) balance: number;
  @Column("varchar", { length: 40, nullable: true }) owner: string | null;
  @RowVersion() version: number;
}
