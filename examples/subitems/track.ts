import { Column, Entity, ManyToOne, PrimaryGeneratedColumn, type Relation } from "typeorm";
import { RowVersion } from "typeorm-concurrency";
import { Playlist } from "./playlist";

@Entity()
export class Track {
  @PrimaryGeneratedColumn()
  id: number;

  @Column()
  title: string;

  @Column("int", { default: 0 })
  stars: number;

  @RowVersion()
  version: number;

  @ManyToOne(() => Playlist, (playlist) => playlist.tracks)
  playlist: Relation<Playlist>;
}
