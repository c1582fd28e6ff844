import type { Guard } from "../guard";
import type { Request } from "./overlap-detector";

/**
 * Runs `work` as one operation, if anybody looks at what overlaps.
 *
 * @throws OverlappingUseError
 */
export async function operate<T>(guard: Guard, request: Request, work: () => Promise<T>): Promise<T> {
  return guard.overlaps === undefined ? work() : guard.overlaps.operate(request, work);
}
