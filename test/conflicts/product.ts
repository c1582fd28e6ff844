import {
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  type Relation,
} from "typeorm";
import { RowVersion } from "typeorm-concurrency";

export class Money {
  constructor(readonly cents: number) {}
}

export class Address {
  @Column({ default: "" }) city: string;
  @Column({ default: "" }) zip: string;
}

@Entity()
export class Maker {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @OneToMany(() => Product, (product) => product.maker) products: Relation<Product[]>;
}

@Entity()
export class Note {
  @PrimaryColumn("int") id: number;
  @Column() text: string;
  @RowVersion() version: number;
  @ManyToOne(() => Product, (product) => product.notes, { onDelete: "CASCADE" }) product: Relation<Product>;
}

@Entity()
export class Product {
  @PrimaryGeneratedColumn() id: number;
  @Column() title: string;
  @Column("decimal", { precision: 10, scale: 2, default: 0 }) price: string | number;
  @Column("int", { default: 0 }) stock: number;
  @Column("int", { nullable: true }) limit: number | null;
  @Column({ type: Date, nullable: true }) releasedAt: Date | null;
  @Column("simple-json", { nullable: true }) attributes: Record<string, unknown> | null;
  @Column("int", {
    transformer: {
      to: (money?: Money) => money?.cents,
      from: (cents: number | null) => (cents === null ? null : new Money(cents)),
    },
  })
  cost: Money;
  @Column(() => Address) address: Address;
  @Column({ select: false, default: "" }) secret: string;
  @ManyToOne(() => Maker, (maker) => maker.products, { nullable: true }) maker: Relation<Maker> | null;
  @OneToMany(() => Note, (note) => note.product, { cascade: true }) notes: Relation<Note[]>;
  @CreateDateColumn() createdAt: Date;
  @UpdateDateColumn() updatedAt: Date;
  @DeleteDateColumn() deletedAt: Date | null;
  @RowVersion() version: number;
}

export const productEntities = [Product, Maker, Note];
