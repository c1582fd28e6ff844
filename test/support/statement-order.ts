/**
 * A query log in an order that can be compared. TypeORM starts the SELECTs of a save at the same time, and each goes on
 * when its answer comes: between two writes their order is the driver's.
 */
export function inOrder(statements: readonly string[]): string[] {
  const ordered: string[] = [];
  let reads: string[] = [];
  for (const statement of statements) {
    if (statement.startsWith("SELECT")) reads.push(statement);
    else {
      ordered.push(...reads.sort(), statement);
      reads = [];
    }
  }
  return [...ordered, ...reads.sort()];
}
