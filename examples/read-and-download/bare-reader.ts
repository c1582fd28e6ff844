import type { DataSource } from "typeorm";
import { Post } from "./post";
import type { Reader } from "./reader";

/** Loads, does what takes long, and saves what was loaded. */
export class BareReader implements Reader {
  constructor(private readonly dataSource: DataSource) {}

  async markAsRead(id: number): Promise<void> {
    const posts = this.dataSource.getRepository(Post);
    const post = await posts.findOneByOrFail({ id });
    post.isRead = true;
    await posts.save(post);
  }

  async download(id: number, fetchContent: () => Promise<void>): Promise<void> {
    const posts = this.dataSource.getRepository(Post);
    const post = await posts.findOneByOrFail({ id });
    await fetchContent();
    post.isDownloaded = true;
    await posts.save(post);
  }
}
