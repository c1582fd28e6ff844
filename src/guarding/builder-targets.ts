import type { ObjectLiteral } from "typeorm";

// Kept beside the builders rather than on them: a builder is given its guarded class after it was constructed.
const targets = new WeakMap<object, readonly ObjectLiteral[]>();

/** Notes the key maps that a write builder was told to write by; undefined when it was given other criteria. */
export function setTargets(builder: object, criteria: unknown): void {
  const ids = [criteria].flat().filter((id): id is ObjectLiteral => typeof id === "object" && id !== null);
  if (ids.length > 0 && ids.length === [criteria].flat().length) targets.set(builder, ids);
  else targets.delete(builder);
}

export function targetsOf(builder: object): readonly ObjectLiteral[] {
  return targets.get(builder) ?? [];
}
