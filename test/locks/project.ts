import { Column, Entity, ManyToOne, OneToMany, PrimaryColumn, type Relation } from "typeorm";
import { RowVersion } from "typeorm-concurrency";

@Entity("lock_project")
export class Project {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) title: string;
  @RowVersion() version: number;
  @OneToMany(() => Task, (task) => task.project, { cascade: true })
  tasks: Relation<Task[]>;
}

@Entity("lock_task")
export class Task {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) text: string;
  @RowVersion() version: number;
  @ManyToOne(() => Project, (project) => project.tasks, { nullable: true })
  project: Relation<Project> | null;
}

/** Projects by their ids, as what is to be locked. */
export function projects(...ids: number[]): { target: typeof Project; id: number }[] {
  return ids.map((id) => ({ target: Project, id }));
}

@Entity("lock_label")
export class Label {
  @PrimaryColumn() name: string;
}
