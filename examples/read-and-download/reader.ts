/** What a reader of posts does, one of which takes long. */
export interface Reader {
  markAsRead(id: number): Promise<void>;
  /** @param fetchContent takes long. */
  download(id: number, fetchContent: () => Promise<void>): Promise<void>;
}
