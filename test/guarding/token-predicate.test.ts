import type { Column } from "../../src/metadata/column";
import type { Dialect } from "../../src/metadata/dialect";
import { tokenPredicate } from "../../src/guarding/token-predicate";

const instant = new Date("2024-05-06T07:08:09.123Z");
const next = new Date("2024-05-06T07:08:09.124Z");

const table: readonly (readonly [
  what: string,
  dialect: Dialect,
  type: string,
  column: Partial<Column>,
  expected: unknown,
  condition: string,
  values: readonly unknown[],
])[] = [
  ["null", "postgres", "integer", {}, null, "c IS NULL", []],
  ["zero", "postgres", "integer", {}, 0, "c = ?", [0]],
  ["false", "mysql", "tinyint", {}, 0, "c = ?", [0]],
  ["an empty text", "postgres", "character varying", {}, "", "c = ?", [""]],
  ["a case-insensitive text", "postgres", "citext", {}, "a", "CAST(c AS text) = ?", ["a"]],
  ["a collated text", "postgres", "text", { collation: "de-x" }, "a", 'c COLLATE "C" = ?', ["a"]],
  [
    "a text",
    "mysql",
    "varchar",
    {},
    "a",
    "CAST(CONVERT(c USING utf8mb4) AS BINARY) = CAST(CONVERT(? USING utf8mb4) AS BINARY)",
    ["a"],
  ],
  ["a text", "sqlite", "varchar", {}, "a", "c = ? COLLATE BINARY", ["a"]],
  ["a number", "sqlite", "integer", {}, 1, "c = ?", [1]],
  ["a big integer", "mysql", "bigint", {}, "1", "c = CAST(? AS SIGNED)", ["1"]],
  ["an unsigned one", "mariadb", "bigint", { unsigned: true }, "1", "c = CAST(? AS UNSIGNED)", ["1"]],
  ["a decimal", "mysql", "decimal", { precision: 9, scale: 4 }, "1", "c = CAST(? AS DECIMAL(9, 4))", ["1"]],
  ["a decimal as declared by default", "mysql", "decimal", {}, "1", "c = CAST(? AS DECIMAL(10, 0))", ["1"]],
  ["an instant", "postgres", "timestamp with time zone", {}, instant, "c >= ? AND c < ?", [instant, next]],
  ["an instant", "mysql", "datetime", {}, instant, "c >= ? AND c < ?", [instant, next]],
  [
    "an instant",
    "sqlite",
    "datetime",
    { type: "datetime" },
    "2024-05-06 07:08:09.123",
    "strftime('%Y-%m-%d %H:%M:%f', c) = ?",
    ["2024-05-06 07:08:09.123"],
  ],
  ["JSON", "postgres", "json", { type: "json" }, "{}", "CAST(c AS jsonb) = CAST(? AS jsonb)", ["{}"]],
  ["JSON", "mysql", "json", { type: "json" }, "{}", "CAST(c AS JSON) = CAST(? AS JSON)", ["{}"]],
  ["JSON", "mariadb", "json", { type: "json" }, "{}", "JSON_EQUALS(c, ?)", ["{}"]],
  ["JSON in a text", "sqlite", "text", { type: "simple-json" }, "{}", "json(c) = json(?)", ["{}"]],
  ["anything", "other", "int", {}, 1, "c = ?", [1]],
];

describe("the condition for a token", () => {
  it.each(table)("%s on %s (%s)", (_what, dialect, type, column, expected, condition, values) => {
    expect(tokenPredicate({ dialect, type, column: column as Column, name: "c", expected })).toEqual({
      condition,
      values,
    });
  });
});
