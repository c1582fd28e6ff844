import { Column, Entity, PrimaryColumn } from "typeorm";
import { RowVersion } from "typeorm-concurrency";

@Entity()
export class Concert {
  @PrimaryColumn("int")
  id: number;

  @Column("int")
  seatsLeft: number;

  @RowVersion()
  version: number;
}
