import type { Guard } from "../guard";
import type { Request } from "./overlap-detector";

/**
 * Runs `work` as one operation, if anybody looks at what overlaps.
 *
 * @throws OverlappingUseError
 */
export function operate<T>(guard: Guard, request: Request, work: () => Promise<T>): Promise<T> {
  const { isActive, overlaps } = guard;
  return overlaps === undefined || !isActive ? work() : overlaps.operate(request, work);
}
