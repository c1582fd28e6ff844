import { Column, Entity, PrimaryGeneratedColumn, VersionColumn } from "typeorm";
import type { Sample } from "./sample";

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

export const items: Sample<Item> = {
  entity: Item,
  adjective: "",
  newRow: (index) => ({
    name: `item ${index}`,
    description: `what is to be said about item ${index}, in a sentence of ordinary length`,
    price: index % 100,
    stock: 1000,
    isListed: true,
    listedAt: new Date(2025, 0, 1, 0, 0, index % 60),
  }),
  change(item) {
    item.stock -= 1;
  },
};
