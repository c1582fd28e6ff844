import { createHash } from "node:crypto";
import type { DataSource } from "typeorm";
import { InvalidVersionError } from "../errors/invalid-version-error";
import type { Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { fromPersistedForm, persistedForm } from "../tracking/kept-value";
import type { Expectation } from "./expectation";
import type { Guard } from "./guard";
import { decodeValue, encodeValue } from "./value-encoding";

/*
 * The opaque version of a row: `rv1.`, the values of its tokens, each by its number, as JSON in base64url, a dot, and a
 * digest of them with the row's key and the names of the tokens. The digest is no secret and keeps nobody out; it tells a version that was
 * cut, mixed up, or made for another row or other tokens from one that is merely old.
 */
const prefix = "rv1.";
const form = /^rv1\.([\w-]+)\.([\w-]{16})$/;

/** The token values of a row as a string that fits into URLs, headers and forms. */
export function encodeVersion({ tokens }: EntityDescription, key: string, expectation: Expectation): string {
  const values = tokens.flatMap((token, index) =>
    expectation.has(token) ? [[index, encodeValue(persistedForm(token, expectation.get(token)))]] : [],
  );
  const payload = Buffer.from(JSON.stringify(values)).toString("base64url");
  return `${prefix}${payload}.${digest(key, tokens, payload)}`;
}

/** Whether a version is meant to be one of {@link encodeVersion}, and not the value of a row version. */
export function isOpaque(version: unknown): version is string {
  return typeof version === "string" && version.startsWith(prefix);
}

/**
 * What a caller expects of a row: from a string that {@link encodeVersion} made, or from the value of its row version.
 *
 * @throws InvalidVersionError for anything else, and for a string that was made for another row.
 */
export function decodeVersion(
  { dataSource: { driver } }: Guard,
  description: EntityDescription,
  key: string | undefined,
  version: unknown,
): Expectation {
  if (isOpaque(version)) return decodeOpaque(description, key, version);
  const { metadata, rowVersion } = description;
  if (rowVersion === undefined) {
    throw new InvalidVersionError(
      metadata.name,
      `is not one that versionOf made, and it has no row version whose value could stand for all of its tokens`,
    );
  }
  const value = toVersionValue(driver, description, rowVersion, version);
  if (value === undefined) {
    throw new InvalidVersionError(
      metadata.name,
      `is neither one that versionOf made nor a value of the row version ${rowVersion.propertyPath}`,
    );
  }
  return new Map([[rowVersion, value]]);
}

function decodeOpaque(
  { metadata, tokens }: EntityDescription,
  key: string | undefined,
  version: string,
): Expectation {
  const [, payload = "", found] = form.exec(version) ?? [];
  const isOurs = key !== undefined && digest(key, tokens, payload) === found;
  const expectation = isOurs ? decodePayload(tokens, payload) : undefined;
  if (expectation !== undefined) return expectation;
  throw new InvalidVersionError(
    metadata.name,
    `is not one that versionOf made of this row: it was cut or changed, or belongs to another row or other tokens`,
  );
}

function decodePayload(tokens: readonly Column[], payload: string): Expectation | undefined {
  try {
    const values = JSON.parse(Buffer.from(payload, "base64url").toString()) as [number, unknown][];
    const known = values.map(
      ([index, value]) =>
        [tokens[index] as Column, fromPersistedForm(tokens[index] as Column, decodeValue(value))] as const,
    );
    return known.length > 0 ? new Map(known) : undefined;
  } catch {
    return undefined;
  }
}

// A form or a header brings text where the column has a number or a date.
function toVersionValue(
  driver: DataSource["driver"],
  { versionSource }: EntityDescription,
  column: Column,
  version: unknown,
): unknown {
  if (versionSource?.kind === "xmin" || driver.normalizeType(column).includes("int")) {
    if (typeof version !== "number" && typeof version !== "string" && typeof version !== "bigint")
      return undefined;
    if (!/^\d{1,20}$/.test(String(version))) return undefined;
    const isBig = versionSource?.kind === "xmin" || driver.normalizeType(column) === "bigint";
    return isBig ? String(version) : Number(version);
  }
  if (/^(date|timestamp)/.test(driver.normalizeType(column))) {
    const instant = version instanceof Date || typeof version === "string" ? new Date(version) : undefined;
    return instant === undefined || Number.isNaN(instant.getTime()) ? undefined : instant;
  }
  if (driver.normalizeType(column) === "uuid") {
    return typeof version === "string" && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(version)
      ? version
      : undefined;
  }
  const isScalar =
    ["string", "number", "bigint", "boolean"].includes(typeof version) || version instanceof Uint8Array;
  return isScalar && version !== "" ? version : undefined;
}

function digest(key: string, tokens: readonly Column[], payload: string): string {
  const names = tokens.map(({ propertyPath }) => propertyPath);
  return createHash("sha256")
    .update(JSON.stringify([key, names, payload]))
    .digest("base64url")
    .slice(0, 16);
}
