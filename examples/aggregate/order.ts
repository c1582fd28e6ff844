import { Column, Entity, OneToMany, PrimaryColumn, type Relation } from "typeorm";
import { RowVersion, VersionedRelation } from "typeorm-concurrency";
import { OrderLine } from "./order-line";

@Entity()
export class Order {
  @PrimaryColumn("int")
  id: number;

  @Column({ default: "" })
  note: string;

  @RowVersion()
  version: number;

  @VersionedRelation()
  @OneToMany(() => OrderLine, (line) => line.order, { cascade: true })
  lines: Relation<OrderLine[]>;
}
