import { Column, Entity, PrimaryGeneratedColumn } from "typeorm";
import { RowVersion } from "typeorm-concurrency";

@Entity()
export class Product {
  @PrimaryGeneratedColumn()
  id: number;

  @Column()
  title: string;

  @Column("int")
  price: number;

  @RowVersion()
  version: number;
}
