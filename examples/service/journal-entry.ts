import { BaseEntity, Column, Entity, PrimaryGeneratedColumn } from "typeorm";

/** Written by Active Record: it knows its DataSource by itself. */
@Entity()
export class JournalEntry extends BaseEntity {
  @PrimaryGeneratedColumn()
  id: number;

  @Column()
  text: string;
}
