import { Column, Entity, PrimaryGeneratedColumn } from "typeorm";

@Entity()
export class StockMovement {
  @PrimaryGeneratedColumn()
  id: number;

  @Column("int")
  productId: number;

  @Column("int")
  pieces: number;
}
