import type { Column } from "../../metadata/column";
import type { PersistMode } from "../entity-graph";
import type { Guard } from "../guard";
import { raised } from "../version-in-statement";
import type { DirectEntity } from "./direct-entity";
import { deleteOfRow, updateOfRow } from "./one-row-statement";
import type { ShapeCondition, StatementShape } from "./statement-shape";

/** What the statements of two rows have in common if they differ in values alone. */
export interface RowForm {
  readonly entity: DirectEntity;
  readonly options: RowFormOptions;
  readonly shape: StatementShape;
  /** Whether each row has a statement of its own, in the order of the rows. */
  readonly isOrdered: boolean;
  /** Whether what the database has made is read by a SELECT after the UPDATE. */
  readonly isReadAfter: boolean;
  /** The SQL of one row. */
  readonly sql: string;
}

export interface RowFormOptions {
  readonly mode: PersistMode;
  /** The columns that an UPDATE sets. */
  readonly columns: readonly Column[];
  readonly conditions: readonly ShapeCondition[];
  /** Whether what the database has made of a row is wanted. */
  readonly isReloaded: boolean;
}

// An application changes an entity in few ways; one that does so in all ways must not fill the memory.
const formsKept = 200;
const forms = new WeakMap<DirectEntity, Map<string, RowForm>>();

/**
 * The form of a row's statement, made once for all rows that have it.
 *
 * @param likely the one that it probably is.
 */
export function rowForm(
  guard: Guard,
  entity: DirectEntity,
  options: RowFormOptions,
  likely?: RowForm,
): RowForm {
  if (likely?.entity === entity && isSame(likely.options, options)) return likely;
  const { columns, conditions, isReloaded, mode } = options;
  let key = `${mode} ${String(isReloaded)}`;
  for (const { databaseName } of columns) key += `\u0000${databaseName}`;
  for (const { condition } of conditions) key += `\u0000\u0000${condition}`;
  const ofEntity = forms.get(entity) ?? new Map<string, RowForm>();
  const known = ofEntity.get(key);
  if (known !== undefined) return known;
  const shape = shapeOf(guard, entity, options);
  const form = {
    entity,
    options,
    shape,
    isOrdered: isOrdered(guard, entity, columns),
    isReadAfter:
      mode === "save" &&
      isReloaded &&
      shape.returned.length === 0 &&
      entity.made.some((column) => column !== entity.description.rowVersion),
    sql: mode === "remove" ? deleteOfRow(shape) : updateOfRow(shape),
  };
  if (ofEntity.size >= formsKept) ofEntity.clear();
  forms.set(entity, ofEntity.set(key, form));
  return form;
}

function isSame(one: RowFormOptions, other: RowFormOptions): boolean {
  return (
    one.mode === other.mode &&
    one.isReloaded === other.isReloaded &&
    one.columns.length === other.columns.length &&
    one.conditions.length === other.conditions.length &&
    one.columns.every((column, index) => column === other.columns[index]) &&
    one.conditions.every(({ condition }, index) => condition === other.conditions[index]?.condition)
  );
}

function shapeOf(
  { dataSource: { driver }, dialect }: Guard,
  entity: DirectEntity,
  { columns, conditions, isReloaded, mode }: RowFormOptions,
): StatementShape {
  const escape = (name: string): string => driver.escape(name);
  const typeOf = (column: Column): string => driver.normalizeType(column);
  const common = { dialect, escape, typeOf, table: entity.table, keys: entity.keys, columns, conditions };
  if (mode === "remove") return { ...common, assignments: [], returned: [] };
  const { concurrencyTokens, metadata, rowVersion } = entity.description;
  const assignments: string[] = [];
  if (rowVersion !== undefined) {
    const name = escape(rowVersion.databaseName);
    assignments.push(`${name} = ${raised(name, rowVersion)}`);
  }
  const stamped = metadata.updateDateColumn;
  if (stamped !== undefined && !columns.includes(stamped)) {
    assignments.push(`${escape(stamped.databaseName)} = CURRENT_TIMESTAMP`);
  }
  const made = isReloaded ? entity.made : entity.made.filter((column) => column === rowVersion);
  const returned = driver.isReturningSqlSupported("update") ? new Set([...made, ...concurrencyTokens]) : [];
  return { ...common, assignments, returned: [...returned] };
}

// A unique value may have to be free before another row gets it, and a foreign key that is one too.
function isOrdered({ dialect }: Guard, { unique }: DirectEntity, columns: readonly Column[]): boolean {
  return columns.some((column) => unique.has(column) || (column.type === "bit" && dialect !== "postgres"));
}
