import type { DataSource } from "typeorm";
import { modifyLatest } from "typeorm-concurrency";
import { Post } from "./post";
import type { Reader } from "./reader";

/** Does what takes long first, and then changes the post as it is by then. */
export class LatestReader implements Reader {
  constructor(private readonly dataSource: DataSource) {}

  async markAsRead(id: number): Promise<void> {
    await modifyLatest(this.dataSource, Post, id, (post) => {
      post.isRead = true;
    });
  }

  async download(id: number, fetchContent: () => Promise<void>): Promise<void> {
    await fetchContent();
    await modifyLatest(this.dataSource, Post, id, (post) => {
      post.isDownloaded = true;
    });
  }
}
