/** One field of an entity three times, each in a form that can be compared; undefined was not loaded, or says nothing. */
export interface FieldStates {
  readonly path: string;
  readonly original: unknown;
  readonly current: unknown;
  readonly database: unknown;
  /** Whether two of these are the same to the database. */
  readonly isSame: (left: unknown, right: unknown) => boolean;
}

/** Who has changed what, by property path. */
export interface FieldChanges {
  readonly mine: readonly string[];
  readonly theirs: readonly string[];
  /** Among both of them: those that were changed to different things. */
  readonly overlapping: readonly string[];
}

/**
 * Tells who has changed what. A value that was never loaded tells nobody's changes: what is there now counts as mine,
 * and as changed by both when the row has something else.
 *
 * @param hasRow false for a row that is gone, of which nothing is theirs.
 */
export function fieldChanges(fields: readonly FieldStates[], hasRow: boolean): FieldChanges {
  const isMine = ({ current, isSame, original }: FieldStates): boolean =>
    current !== undefined && (original === undefined || !isSame(original, current));
  const differs = ({ current, database, isSame }: FieldStates): boolean => !isSame(current, database);
  const isTheirs = (field: FieldStates): boolean =>
    field.original === undefined
      ? isMine(field) && differs(field)
      : !field.isSame(field.original, field.database);

  const mine = fields.filter(isMine);
  const theirs = hasRow ? fields.filter(isTheirs) : [];
  const overlapping = mine.filter((field) => theirs.includes(field) && differs(field));
  return { mine: paths(mine), theirs: paths(theirs), overlapping: paths(overlapping) };
}

function paths(fields: readonly FieldStates[]): string[] {
  return fields.map(({ path }) => path);
}
