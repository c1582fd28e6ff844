import type { DataSource } from "typeorm";
import { Post } from "./post";
import type { Reader } from "./reader";

/** A post is marked as read while its content is being fetched. Returns what its row has at the end. */
export async function readDuringDownload(dataSource: DataSource, reader: Reader): Promise<string> {
  await dataSource.manager.insert(Post, { id: 1, isRead: false, isDownloaded: false });
  let begin!: () => void;
  let finish!: () => void;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const downloading = reader.download(1, () => {
    begin();
    return finished;
  });
  await begun;
  await reader.markAsRead(1);
  finish();
  const answer = await downloading.then(
    () => "was told that it is done",
    (error: unknown) => `was refused (${(error as Error).name})`,
  );
  const { isDownloaded, isRead } = await dataSource.manager.findOneByOrFail(Post, { id: 1 });
  return `the download ${answer}; read: ${isRead ? "yes" : "no"}, downloaded: ${isDownloaded ? "yes" : "no"}`;
}
