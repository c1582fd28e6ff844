import { Column, Entity, ManyToOne, PrimaryColumn, type Relation } from "typeorm";
import { RowVersion } from "typeorm-concurrency";
import { Project } from "./project";

@Entity()
export class Task {
  @PrimaryColumn("int")
  id: number;

  @Column()
  title: string;

  @Column()
  owner: string;

  @RowVersion()
  version: number;

  @ManyToOne(() => Project, (project) => project.tasks)
  project: Relation<Project>;
}
