import type { ObjectLiteral } from "typeorm";

/** Which aggregate roots an entity was loaded or saved as a member of. Known as long as the member is. */
export class MemberRoots {
  readonly #roots = new WeakMap<ObjectLiteral, Set<ObjectLiteral>>();

  note(root: ObjectLiteral, members: readonly ObjectLiteral[]): void {
    for (const member of members) {
      const roots = this.#roots.get(member);
      if (roots === undefined) this.#roots.set(member, new Set([root]));
      else roots.add(root);
    }
  }

  of(member: ObjectLiteral): ReadonlySet<ObjectLiteral> {
    return this.#roots.get(member) ?? none;
  }
}

const none: ReadonlySet<ObjectLiteral> = new Set();
