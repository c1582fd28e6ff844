import { Column, Entity, PrimaryGeneratedColumn, VersionColumn } from "typeorm";

@Entity()
export class Product {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @Column("int") stock: number;
  @Column("int") sold: number;
  /** TypeORM counts the writes of the row here. Only the guard ever compares. */
  @VersionColumn() version: number;
}
