import type { FailureKind } from "./driver-failures";

// Node.js, "Errors", "Common system errors" and "Node.js error codes".

/** A socket that was open and broke. */
export const brokenSocket: Readonly<Record<string, FailureKind>> = {
  ECONNRESET: "connection-lost",
  ECONNABORTED: "connection-lost",
  EPIPE: "connection-lost",
  ETIMEDOUT: "connection-lost",
  EHOSTUNREACH: "connection-lost",
  ENETUNREACH: "connection-lost",
  ENETDOWN: "connection-lost",
  ERR_STREAM_DESTROYED: "connection-lost",
  ERR_STREAM_WRITE_AFTER_END: "connection-lost",
};

/** A socket that could not be opened just now. A host name that is unknown (ENOTFOUND) is a wrong setting. */
export const unopenedSocket: readonly string[] = ["ECONNREFUSED", "EAI_AGAIN"];
