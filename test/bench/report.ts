import { markdownTable, milliseconds } from "./markdown-table";
import type { OperationKey } from "./operation";
import type { Measured } from "./rounds";

export interface MeasuredOperation {
  readonly key?: OperationKey;
  readonly name: string;
  readonly entities: number;
  readonly rounds: number;
  /** The bare one first, where there is one. */
  readonly contenders: readonly Measured[];
}

const headings = ["operation", "contender", "statements", "median", "÷ bare TypeORM"];

/** The medians and their ratios as a Markdown table, with a column of ratios to pg where pg took part. */
export function tableOf(operations: readonly MeasuredOperation[]): string {
  const hasPg = operations.some(({ contenders }) => contenders.some(isPg));
  const rows = operations.flatMap(({ name, rounds, contenders }) => {
    const [bare] = contenders;
    const pg = contenders.find(isPg);
    return contenders.map((contender, index) => [
      index === 0 ? `${name} (${rounds} rounds)` : "",
      contender.name,
      String(contender.statements),
      milliseconds(contender.medianMs),
      ratio(contender, bare),
      ...(hasPg ? [ratio(contender, pg)] : []),
    ]);
  });
  return markdownTable([...headings, ...(hasPg ? ["÷ pg itself"] : [])], rows, 2);
}

/** How many times as long as another one it took. */
export function ratio({ medianMs }: Measured, to: Measured | undefined): string {
  return to === undefined ? "" : (medianMs / to.medianMs).toFixed(2);
}

function isPg({ name }: Measured): boolean {
  return name.startsWith("pg ");
}
