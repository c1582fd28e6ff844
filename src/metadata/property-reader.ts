/** Reads properties of an object into a new array; undefined for those that have no name. */
export type PropertyReader = (object: object) => unknown[];

/**
 * A reader of properties. It is made from code with their names in it, as MikroORM makes what fills its entities: V8 then
 * knows where in an object they are, and reads eight of them in the time in which it looks up one by a variable. Where code
 * must not be made from text (`--disallow-code-generation-from-strings`) they are looked up.
 */
export function propertyReader(names: readonly (string | undefined)[]): PropertyReader {
  const values = names.map((name) => (name === undefined ? "undefined" : `object[${JSON.stringify(name)}]`));
  try {
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- names are quoted, and nothing else is in it
    return new Function("object", `return [${values.join(", ")}];`) as PropertyReader;
  } catch {
    return (object) =>
      names.map((name) =>
        name === undefined ? undefined : (object as Readonly<Record<string, unknown>>)[name],
      );
  }
}
