import { Entity, OneToMany, PrimaryColumn, type Relation } from "typeorm";
import { RowVersion, VersionedRelation } from "typeorm-concurrency";
import { Track } from "./track";

@Entity()
export class Playlist {
  @PrimaryColumn("int")
  id: number;

  @RowVersion()
  version: number;

  @VersionedRelation()
  @OneToMany(() => Track, (track) => track.playlist, { cascade: true })
  tracks: Relation<Track[]>;
}
