import { Column, Entity, PrimaryGeneratedColumn, VersionColumn } from "typeorm";

/** A row of ordinary width. */
@Entity()
export class Item {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @Column() description: string;
  @Column("int") price: number;
  @Column("int") stock: number;
  @Column() isListed: boolean;
  @Column() listedAt: Date;
  @VersionColumn() version: number;
}
