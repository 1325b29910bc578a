/** Schemas of fields that requests to several resources share. Every string is bounded. Schemas only, so that openapi/ can import them. */
import * as z from "zod/mini";
import { toMilli } from "../core/units.ts";
import { plainText } from "./plain-text.ts";

export const tierName = z.string().check(z.regex(/^[a-z][a-z0-9_-]{0,31}$/, "is not the name of a tier"));
export const limitName = z.string().check(z.regex(/^[a-z][a-z0-9_-]{0,31}$/, "is not the name of a limit"));
export const displayName = plainText(200);

/** Times outside the years 1 to 9999 cannot be written in RFC 3339, and neither can the end of an hour that reaches beyond them. */
const MIN_TIME_MS = Date.parse("0001-01-01T00:00:00Z");
const MAX_TIME_MS = Date.parse("9999-12-31T23:59:59.999Z");
const MAX_RANGE_END_MS = Date.parse("9999-12-31T23:00:00Z");

function isTimeUpTo(maxMs: number) {
  return z.refine<string>((text) => {
    const ms = Date.parse(text);
    // Text that is not a time is another fault.
    return Number.isNaN(ms) || (ms >= MIN_TIME_MS && ms <= maxMs);
  }, "is outside the years 1 to 9999");
}

/** RFC 3339 in UTC. */
export const instant = z.iso
  .datetime("must be a time in UTC such as 2027-01-31T00:00:00Z")
  .check(isTimeUpTo(MAX_TIME_MS));

/** A bound of a time range: RFC 3339 in UTC, or a date for its first moment. */
export const rangeBound = z.optional(
  z
    .union([z.iso.datetime(), z.iso.date()], "must be a time in UTC such as 2027-01-31T00:00:00Z, or a date")
    .check(isTimeUpTo(MAX_RANGE_END_MS)),
);

/** Why a change is made, for the audit trail. */
export const reason = z.optional(plainText(500));

/** A positive number of tokens in steps of 0.001. */
export const tokens = z.number().check(
  z.positive(),
  z.lte(1e9),
  z.refine((amount) => toMilli(amount) !== null, "must be a multiple of 0.001"),
);

/** Queries: all values are text. */
export const pageLimit = z.optional(z.string().check(z.regex(/^([1-9]\d?|100)$/, "must be 1 to 100")));
export const rowLimit = z.optional(z.string().check(z.regex(/^([1-9]\d{0,2}|1000)$/, "must be 1 to 1000")));
export const cursor = z.optional(
  z.string().check(z.regex(/^[A-Za-z0-9_-]{1,4096}$/, "is not a cursor of this API")),
);
export const pageQuery = z.strictObject({ limit: pageLimit, cursor });
