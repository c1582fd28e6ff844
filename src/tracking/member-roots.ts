import type { ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";

/** Which aggregate roots an entity was loaded or saved as a member of. Known as long as the member is. */
export class MemberRoots {
  readonly #roots = new WeakMap<ObjectLiteral, Set<ObjectLiteral>>();
  readonly #members = new WeakMap<ObjectLiteral, Map<string, readonly ObjectLiteral[]>>();

  /** Notes the members that a relation of a root has, in place of those it had before. */
  note(root: ObjectLiteral, { propertyPath }: RelationMetadata, members: readonly ObjectLiteral[]): void {
    const relations = this.#members.get(root) ?? new Map<string, readonly ObjectLiteral[]>();
    this.#members.set(root, relations);
    for (const former of relations.get(propertyPath) ?? []) this.forget(root, former);
    relations.set(propertyPath, members);
    for (const member of members) {
      const roots = this.#roots.get(member);
      if (roots === undefined) this.#roots.set(member, new Set([root]));
      else roots.add(root);
    }
  }

  /** Notes that an entity does not belong to a root any more. */
  forget(root: ObjectLiteral, member: ObjectLiteral): void {
    this.#roots.get(member)?.delete(root);
  }

  of(member: ObjectLiteral): ReadonlySet<ObjectLiteral> {
    return this.#roots.get(member) ?? none;
  }
}

const none: ReadonlySet<ObjectLiteral> = new Set();
