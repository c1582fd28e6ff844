import { Column, Entity, OneToMany, PrimaryColumn, type Relation } from "typeorm";
import { RowVersion } from "typeorm-concurrency";
import { Task } from "./task";

@Entity()
export class Project {
  @PrimaryColumn("int")
  id: number;

  @Column()
  title: string;

  @Column()
  owner: string;

  @RowVersion()
  version: number;

  @OneToMany(() => Task, (task) => task.project, { cascade: true })
  tasks: Relation<Task[]>;
}
