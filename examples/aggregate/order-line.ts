import { Column, Entity, ManyToOne, PrimaryGeneratedColumn, type Relation } from "typeorm";
import { Order } from "./order";

@Entity()
export class OrderLine {
  @PrimaryGeneratedColumn()
  id: number;

  @Column()
  text: string;

  @ManyToOne(() => Order, (order) => order.lines, { nullable: false, orphanedRowAction: "delete" })
  order: Relation<Order>;
}
