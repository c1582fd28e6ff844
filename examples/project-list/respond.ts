import { isOptimisticLockError } from "typeorm-concurrency";
import { isEntityLockedError } from "typeorm-concurrency/locks";

/** As much of an HTTP response as matters here. */
export interface Response {
  readonly status: 204 | 409;
  readonly body?: string;
}

/** Does what was asked for, and says why when it cannot be done now. */
export async function respond(work: () => Promise<void>): Promise<Response> {
  try {
    await work();
    return { status: 204 };
  } catch (error) {
    if (isEntityLockedError(error)) {
      const [{ entityName, reason }] = error.locks;
      return { status: 409, body: `the ${entityName.toLowerCase()} is locked: ${reason}` };
    }
    if (isOptimisticLockError(error)) return { status: 409, body: "it was changed since you opened it" };
    throw error;
  }
}
