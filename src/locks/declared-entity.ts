import {
  DefaultNamingStrategy,
  getMetadataArgsStorage,
  type EntitySchema,
  type EntityTarget,
  type ObjectLiteral,
} from "typeorm";

/** What is known of an entity without a DataSource: what its decorators, or its schema, say. */
export interface DeclaredEntity {
  readonly name: string;
  /** As the default naming strategy has it. */
  readonly tablePath: string;
  /** Properties of the key; empty when they are not known. */
  readonly keyProperties: readonly string[];
  /** Those of them that are UUIDs, which databases compare without case. */
  readonly uuidProperties: readonly string[];
}

type EntityClass = abstract new () => ObjectLiteral;

const naming = new DefaultNamingStrategy();

/** What an entity's own declarations say of it, for registries that have no DataSource to ask. */
export function declaredEntity(target: EntityTarget<ObjectLiteral>): DeclaredEntity {
  if (typeof target === "string") {
    return {
      name: target,
      tablePath: naming.tableName(target, undefined),
      keyProperties: [],
      uuidProperties: [],
    };
  }
  if (typeof target === "function") return declaredClass(target as EntityClass);
  const { options } = target as EntitySchema<ObjectLiteral>;
  const keyColumns = Object.entries(options.columns).flatMap(([property, column]) =>
    column?.primary === true
      ? { property, isUuid: column.type === "uuid" || column.generated === "uuid" }
      : [],
  );
  return {
    name: options.name,
    tablePath: inSchema(options.schema, naming.tableName(options.name, options.tableName)),
    ...propertiesOf(keyColumns),
  };
}

interface KnownClass {
  readonly declared: DeclaredEntity;
  /** How many declarations there were, of all classes. */
  readonly declarations: number;
}

const known = new WeakMap<EntityClass, KnownClass>();

// Who locks ten thousand rows asks as often, and each time all declarations of the application would be gone through.
function declaredClass(target: EntityClass): DeclaredEntity {
  const { columns, tables } = getMetadataArgsStorage();
  const declarations = columns.length + tables.length;
  const before = known.get(target);
  if (before?.declarations === declarations) return before.declared;
  const declared = readDeclarations(target);
  known.set(target, { declared, declarations });
  return declared;
}

function readDeclarations(target: EntityClass): DeclaredEntity {
  const { columns, generations, tables } = getMetadataArgsStorage();
  const ancestry = ancestryOf(target);
  // The children of a single table's class are rows of that table.
  const table = ancestry
    .flatMap((ancestor) => tables.find((its) => its.target === ancestor && its.type !== "entity-child") ?? [])
    .at(0);
  const named = typeof table?.target === "function" ? table.target : target;
  const keyColumns = columns
    .filter(
      ({ options, target: owner }) => options.primary === true && ancestry.includes(owner as EntityClass),
    )
    .map(({ options, propertyName: property, target: owner }) => ({
      property,
      isUuid:
        options.type === "uuid" ||
        generations.some(
          (its) => its.target === owner && its.propertyName === property && its.strategy === "uuid",
        ),
    }));
  return {
    name: target.name,
    tablePath: inSchema(table?.schema, naming.tableName(named.name, table?.name)),
    ...propertiesOf(keyColumns),
  };
}

function propertiesOf(
  keyColumns: readonly { readonly property: string; readonly isUuid: boolean }[],
): Pick<DeclaredEntity, "keyProperties" | "uuidProperties"> {
  return {
    keyProperties: keyColumns.map(({ property }) => property),
    uuidProperties: keyColumns.flatMap(({ isUuid, property }) => (isUuid ? property : [])),
  };
}

function ancestryOf(target: EntityClass): EntityClass[] {
  const ancestry: EntityClass[] = [];
  for (let each: unknown = target; typeof each === "function" && each !== Function.prototype;) {
    ancestry.push(each as EntityClass);
    each = Object.getPrototypeOf(each);
  }
  return ancestry;
}

function inSchema(schema: string | undefined, table: string): string {
  return schema === undefined ? table : `${schema}.${table}`;
}
