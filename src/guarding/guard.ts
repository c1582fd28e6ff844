import type { DataSource, EntityMetadata, EntityTarget, ObjectLiteral, QueryRunner } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import type { EntityConcurrency } from "../metadata/entity-concurrency";
import { describeEntity, type EntityDescription } from "../metadata/entity-description";
import { TokenJournal } from "../tracking/token-journal";
import { MemberRoots } from "../tracking/member-roots";
import { Tracker } from "../tracking/tracker";
import type { BuilderClass } from "./builder-class";
import { ConnectionTurns } from "./connection-turns";
import { busyTimeoutMs, dialectOf, hasSingleConnection, type Dialect } from "../metadata/dialect";
import type { ResolvedGuardOptions } from "./guard-options";
import { OverlapDetector } from "./overlap/overlap-detector";
import { refuseUnfitTokens } from "./token-check";
import { Turns } from "./turns";
import { Verifications } from "./verifications";

/** The guard of one DataSource: what its hooks share. */
export class Guard {
  /** False once the DataSource is no longer guarded; hooks that outlive it then let everything through. */
  isActive = true;
  readonly tracker = new Tracker();
  readonly memberRoots = new MemberRoots();
  readonly journal = new TokenJournal();
  readonly turns = new Turns();
  /** For a DataSource with one connection. */
  readonly connectionTurns: ConnectionTurns | undefined;
  /** Undefined when nobody looks. */
  readonly overlaps: OverlapDetector | undefined;
  readonly verifications = new Verifications();
  /** Stock query builder class to the guarded one made from it. */
  readonly builderClasses = new WeakMap<object, BuilderClass<object>>();
  /** Places in the application that have been warned of. */
  readonly warnedCallSites = new Set<string>();
  /** Puts hooks in again that somebody has replaced. */
  keepHooks: () => void = () => undefined;
  #dialect: Dialect | undefined;
  /** Whether any entity is an aggregate root. */
  hasVersionedRelations = false;
  readonly #descriptions = new WeakMap<EntityMetadata, EntityDescription | null>();

  constructor(
    readonly dataSource: DataSource,
    readonly options: ResolvedGuardOptions,
  ) {
    if (hasSingleConnection(dataSource)) {
      this.connectionTurns = new ConnectionTurns(this, busyTimeoutMs(dataSource));
    }
    if (options.overlap !== "off") this.overlaps = new OverlapDetector(this, options.overlap);
  }

  /** Known once the DataSource is connected. */
  get dialect(): Dialect {
    this.#dialect ??= dialectOf(this.dataSource);
    return this.#dialect;
  }

  /** The query runner that all users of a DataSource with one connection share; undefined for other DataSources. */
  get sharedQueryRunner(): QueryRunner | undefined {
    if (this.connectionTurns === undefined) return undefined;
    return (this.dataSource.driver as { readonly queryRunner?: QueryRunner }).queryRunner;
  }

  /** The description of an entity, or undefined for one that is not guarded. */
  describe(metadata: EntityMetadata): EntityDescription | undefined {
    let description = this.#descriptions.get(metadata);
    if (description === undefined) {
      description = this.#describe(metadata) ?? null;
      this.#descriptions.set(metadata, description);
    }
    return description ?? undefined;
  }

  /** Describes every entity, so that a wrong declaration is an error now and not at the first write. */
  describeAll(): void {
    const known = (target: EntityTarget<ObjectLiteral>): boolean => this.dataSource.hasMetadata(target);
    for (const target of this.options.entities.keys()) {
      if (!known(target)) {
        throw new GuardConfigurationError(
          `"entities" declares ${nameOf(target)}, which is not an entity of this DataSource.`,
        );
      }
    }
    const descriptions = this.dataSource.entityMetadatas.map((metadata) => this.describe(metadata));
    this.hasVersionedRelations = descriptions.some(
      (its) => its !== undefined && its.versionedRelations.length > 0,
    );
  }

  #describe(metadata: EntityMetadata): EntityDescription | undefined {
    if (metadata.tableType === "view" || metadata.isJunction) return undefined;
    const description = describeEntity(metadata, {
      versionColumns: this.options.versionColumns,
      declared: this.#declarationsFor(metadata),
    });
    if (description !== undefined) refuseUnfitTokens(this.dataSource, this.dialect, description);
    return description;
  }

  #declarationsFor(metadata: EntityMetadata): EntityConcurrency[] {
    return [...this.options.entities].flatMap(([target, declared]) => {
      const declaredFor = this.dataSource.hasMetadata(target)
        ? this.dataSource.getMetadata(target)
        : undefined;
      return declaredFor !== undefined && isSameOrAncestor(declaredFor, metadata) ? declared : [];
    });
  }
}

function isSameOrAncestor(ancestor: EntityMetadata, metadata: EntityMetadata): boolean {
  if (ancestor === metadata) return true;
  if (typeof ancestor.target !== "function" || typeof metadata.target !== "function") {
    return metadata.inheritanceTree.includes(ancestor.target as () => unknown);
  }
  // The inheritance tree of a single table's parent has its children too.
  return (metadata.target.prototype as object) instanceof ancestor.target;
}

function nameOf(target: EntityTarget<ObjectLiteral>): string {
  if (typeof target === "string") return target;
  const { options, name } = target as {
    readonly options?: { readonly name?: string };
    readonly name?: string;
  };
  return options?.name ?? name ?? "an object";
}
