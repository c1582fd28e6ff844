import { Column, Entity, PrimaryColumn } from "typeorm";
import { RowVersion } from "typeorm-concurrency";

@Entity()
export class Product {
  @PrimaryColumn("int")
  id: number;

  @Column()
  title: string;

  @Column("int")
  stock: number;

  @RowVersion()
  version: number;
}
