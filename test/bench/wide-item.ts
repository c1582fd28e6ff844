import { Column, Entity, PrimaryGeneratedColumn, VersionColumn } from "typeorm";
import type { Sample } from "./sample";

/** A row of thirty columns, with every kind of value that takes work to read, to remember and to compare. */
@Entity()
export class WideItem {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @Column() brand: string;
  @Column() supplier: string;
  @Column() category: string;
  @Column() warehouse: string;
  @Column() shelf: string;
  @Column("text") description: string;
  @Column("text") handling: string;
  @Column("varchar", { nullable: true }) remark: string | null;
  @Column("varchar", { nullable: true }) successor: string | null;
  @Column("decimal", { precision: 12, scale: 2 }) price: string;
  @Column("decimal", { precision: 12, scale: 2 }) cost: string;
  @Column("decimal", { precision: 5, scale: 4 }) taxRate: string;
  @Column("decimal", { precision: 9, scale: 3 }) weight: string;
  @Column("int") stock: number;
  @Column("int") reserved: number;
  @Column("int") reorderAt: number;
  @Column("int", { nullable: true }) rating: number | null;
  @Column("float") length: number;
  @Column("float") width: number;
  @Column() isListed: boolean;
  @Column() isFragile: boolean;
  @Column("date") availableFrom: string;
  @Column("date", { nullable: true }) availableUntil: string | null;
  @Column() listedAt: Date;
  @Column() countedAt: Date;
  @Column("json") dimensions: { readonly unit: string; readonly values: readonly number[] };
  @Column("json") labels: Readonly<Record<string, string>>;
  @VersionColumn() version: number;
}

export const wideItems: Sample<WideItem> = {
  entity: WideItem,
  adjective: " wide",
  newRow: (index) => ({
    name: `item ${index}`,
    brand: `brand ${index % 7}`,
    supplier: `supplier ${index % 31}`,
    category: `category ${index % 11}`,
    warehouse: "north",
    shelf: `${index % 40}-${index % 9}`,
    description: `what is to be said about item ${index}. `.repeat(10),
    handling: "keep it dry and upright",
    remark: null,
    successor: null,
    price: `${index % 100}.95`,
    cost: `${index % 80}.50`,
    taxRate: "0.2100",
    weight: "1.250",
    stock: 1000,
    reserved: 0,
    reorderAt: 50,
    rating: null,
    length: 12.5,
    width: 8.25,
    isListed: true,
    isFragile: index % 2 === 0,
    availableFrom: "2025-01-01",
    availableUntil: null,
    listedAt: new Date(2025, 0, 1, 0, 0, index % 60),
    countedAt: new Date(2025, 5, 1, 0, index % 60, 0),
    dimensions: { unit: "cm", values: [12.5, 8.25, index % 20] },
    labels: { color: "green", size: "M", origin: `country ${index % 5}` },
  }),
  change(item) {
    item.stock -= 1;
  },
};
