import { Column, Entity, PrimaryGeneratedColumn } from "typeorm";

@Entity()
export class Letter {
  @PrimaryGeneratedColumn()
  id: number;

  @Column()
  recipient: string;
}
