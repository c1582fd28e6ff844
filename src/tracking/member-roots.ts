import type { ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";

type Members = ReadonlyMap<string, readonly ObjectLiteral[]>;

/** Which aggregate roots an entity was loaded or saved as a member of. Known as long as the member is. */
export class MemberRoots {
  readonly #roots = new WeakMap<ObjectLiteral, ReadonlySet<ObjectLiteral>>();
  readonly #members = new WeakMap<ObjectLiteral, Members>();

  /** Notes the members that a relation of a root has, in place of those it had before; returns how to take that back. */
  note(
    root: ObjectLiteral,
    { propertyPath }: RelationMetadata,
    members: readonly ObjectLiteral[],
  ): () => void {
    const before = this.#members.get(root) ?? new Map<string, readonly ObjectLiteral[]>();
    this.#members.set(root, new Map([...before, [propertyPath, members]]));
    const former = before.get(propertyPath) ?? [];
    const undo = [
      ...former.map((member) => this.forget(root, member)),
      ...members.map((member) => this.#setRoots(member, new Set([...this.of(member), root]))),
    ];
    return () => {
      for (const step of undo.reverse()) step();
      this.#members.set(root, before);
    };
  }

  /** Notes that an entity does not belong to a root any more; returns how to take that back. */
  forget(root: ObjectLiteral, member: ObjectLiteral): () => void {
    return this.#setRoots(member, new Set([...this.of(member)].filter((other) => other !== root)));
  }

  of(member: ObjectLiteral): ReadonlySet<ObjectLiteral> {
    return this.#roots.get(member) ?? none;
  }

  #setRoots(member: ObjectLiteral, roots: ReadonlySet<ObjectLiteral>): () => void {
    const before = this.of(member);
    this.#roots.set(member, roots);
    return () => this.#roots.set(member, before);
  }
}

const none: ReadonlySet<ObjectLiteral> = new Set();
