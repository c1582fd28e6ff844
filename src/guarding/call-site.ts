/** What `Error.captureStackTrace` makes of an object. */
export interface CallSite {
  readonly stack?: string;
}
