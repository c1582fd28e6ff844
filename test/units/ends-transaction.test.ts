import { endsTransaction } from "../../src/units/ends-transaction";

it.each([
  "COMMIT",
  "commit;",
  "  Commit work",
  "END",
  "end transaction;",
  "ABORT",
  "ROLLBACK",
  "rollback work",
  "BEGIN",
  "begin immediate",
  "START TRANSACTION READ ONLY",
  "/* by hand */ -- really\n COMMIT",
])("knows that %j ends a transaction on every database", (sql) => {
  expect(endsTransaction("postgres", sql)).toBe(true);
  expect(endsTransaction("mariadb", sql)).toBe(true);
  expect(endsTransaction("better-sqlite3", sql)).toBe(true);
});

it.each([
  "SELECT 1",
  "ROLLBACK TO SAVEPOINT typeorm_1",
  "rollback work to savepoint a",
  "ROLLBACK TRANSACTION TO a",
  "SAVEPOINT typeorm_1",
  "RELEASE SAVEPOINT typeorm_1",
  "UPDATE commits SET commit = 1",
  "/* COMMIT */ SELECT 1",
  "WITH ended AS (SELECT 1) SELECT * FROM ended",
  "CREATE TEMPORARY TABLE t (id int)",
  "DROP TEMPORARY TABLE t",
  "",
])("knows that %j does not", (sql) => {
  expect(endsTransaction("postgres", sql)).toBe(false);
  expect(endsTransaction("mariadb", sql)).toBe(false);
  expect(endsTransaction("better-sqlite3", sql)).toBe(false);
});

it.each([
  "TRUNCATE TABLE `account`",
  "CREATE TABLE t (id int)",
  "alter table t add x int",
  "DROP TABLE t",
  "LOCK TABLES t WRITE",
  "SET autocommit = 1",
])("knows that %j commits on MySQL and MariaDB only", (sql) => {
  expect(endsTransaction("mysql", sql)).toBe(true);
  expect(endsTransaction("mariadb", sql)).toBe(true);
  expect(endsTransaction("postgres", sql)).toBe(false);
  expect(endsTransaction("better-sqlite3", sql)).toBe(false);
});
