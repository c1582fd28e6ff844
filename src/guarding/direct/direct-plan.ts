import type { EntityMetadata, SaveOptions } from "typeorm";
import type { Column } from "../../metadata/column";
import type { EntityGraph, GraphEntity, PersistMode } from "../entity-graph";
import type { Guard } from "../guard";
import type { GuardedRow } from "../guarded-row";
import { saysAll } from "../known-rows";
import { hasListeners } from "../observers";
import { cascadesWithin } from "../removal-lock";
import { isInSave } from "../save-flow";
import type { SaveScope } from "../save-scope";
import { directChanges, directRow, type DirectRow } from "./direct-row";
import { directEntity, type DirectEntity } from "./direct-entity";

/** They speak like another database, and nobody has tried whether they understand these statements. */
const untried: ReadonlySet<string> = new Set(["aurora-mysql", "aurora-postgres", "cockroachdb"]);

/** What a save or remove comes to that the guard writes by its own statements. */
export interface DirectPlan {
  readonly rows: readonly DirectRow[];
  /** Rows whose objects are not changed, of which only whether they are there is asked. */
  readonly unchanged: readonly GuardedRow[];
}

/**
 * What a save or remove comes to, if all of it is columns of rows whose originals are known, or the removal of such rows.
 *
 * @returns undefined where TypeORM's persistence is needed: for new and detached entities, relations, trees, inheritance,
 * listeners and subscribers, and for the guard's own features that do more than compare and raise a version.
 */
export function planDirectWrite(
  guard: Guard,
  scope: SaveScope,
  { entities }: EntityGraph,
  options: SaveOptions | undefined,
): DirectPlan | undefined {
  const { isUnchecked, goesByOriginals, mode, parent, rootLinks, unsaved } = scope;
  if (!goesByOriginals || isUnchecked || rootLinks.length > 0 || unsaved.length > 0) return undefined;
  if ((mode !== "save" && mode !== "remove") || parent !== undefined || isInSave(guard)) return undefined;
  if (guard.dialect === "other" || untried.has(guard.dataSource.options.type)) return undefined;
  if (options?.data !== undefined) return undefined;
  if (mode === "remove" && (cascadesWithin(scope) || refersToItself(entities))) return undefined;
  const isReloaded = options?.reload !== false;
  const rows: DirectRow[] = [];
  const unchanged: GuardedRow[] = [];
  let metadata: EntityMetadata | undefined;
  let entity: DirectEntity | undefined;
  for (const node of entities) {
    if (node.role === "member") continue;
    if (node.metadata !== metadata) {
      // Those of one type are deleted by statements of their own, in an order that foreign keys may ask for.
      if (mode === "remove" && metadata !== undefined) return undefined;
      metadata = node.metadata;
      if (options?.listeners !== false && hasListeners(mode, metadata)) return undefined;
      entity = entityOf(guard, mode, metadata);
    }
    const row = node.isRoot ? rowOf(scope, node) : undefined;
    if (entity === undefined || row === undefined) return undefined;
    const columns = mode === "remove" ? [] : columnsOf(guard, entity, row);
    if (columns === undefined) return undefined;
    if (mode === "save" && columns.length === 0) unchanged.push(row);
    else {
      const direct = directRow(guard, entity, row, { mode, columns, isReloaded }, rows.at(-1)?.form);
      if (direct === undefined) return undefined;
      rows.push(direct);
    }
  }
  return { rows, unchanged };
}

// One DELETE checks foreign keys when it has deleted all, and the rows of one may be in several.
function refersToItself(entities: EntityGraph["entities"]): boolean {
  return (
    entities.length > 1 &&
    entities.some(({ metadata }) =>
      metadata.foreignKeys.some(
        ({ referencedEntityMetadata }) => referencedEntityMetadata.tablePath === metadata.tablePath,
      ),
    )
  );
}

function entityOf(guard: Guard, mode: PersistMode, metadata: EntityMetadata): DirectEntity | undefined {
  const description = guard.describe(metadata);
  const entity = description && directEntity(guard, description);
  return mode === "remove" && entity?.isRemovable === false ? undefined : entity;
}

function rowOf(scope: SaveScope, { entity, key }: GraphEntity): GuardedRow | undefined {
  const row = key === undefined ? undefined : scope.rows.get(key);
  if (row?.objects.length !== 1) return undefined;
  const [object] = row.objects;
  if (object?.entity !== entity || object.original === undefined || object.missing.length > 0)
    return undefined;
  return object.role === "written" && (scope.mode === "remove" || saysAll(object)) ? row : undefined;
}

function columnsOf(guard: Guard, entity: DirectEntity, row: GuardedRow): readonly Column[] | undefined {
  const { original, entity: object } = row.subject;
  const changed = original && directChanges(guard.dataSource, entity, original, object);
  if (changed === undefined || changed.length === 0) return changed;
  const { concurrencyTokens, unversioned } = entity.description;
  if (unversioned.size > 0 && changed.every((column) => unversioned.has(column))) return undefined;
  // What the database makes of a token that is written is returned or has to be read.
  const isTold = guard.dataSource.driver.isReturningSqlSupported("update");
  return isTold || !changed.some((column) => concurrencyTokens.includes(column)) ? changed : undefined;
}
