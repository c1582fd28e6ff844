import { Column, Entity, PrimaryColumn } from "typeorm";
import { RowVersion } from "typeorm-concurrency";

@Entity()
export class Post {
  @PrimaryColumn("int")
  id: number;

  @Column()
  isRead: boolean;

  @Column()
  isDownloaded: boolean;

  @RowVersion()
  version: number;
}
