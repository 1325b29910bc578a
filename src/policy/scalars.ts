/** Names and amounts of a policy document. */
import * as z from "zod/mini";
import { COUNT } from "../billing/usage.ts";
import { boundedRecord } from "../bounded-record.ts";
import { MAX_UNITS } from "../core/unit-costs.ts";
import { toMilli } from "../core/units.ts";

/** Bounds each number. The compiler checks whether a limit can be counted exactly. */
const MAX_TOKENS = 1e9;

/** Names appear in headers, labels and names of counters, so they are short and plain. */
export const NAME = /^[a-z][a-z0-9_-]{0,31}$/;
export const name = z
  .string()
  .check(z.regex(NAME, "must be 1 to 32 of a-z, 0-9, _ and -, and begin with a letter"));

/** True for numbers out of bounds too, so that those get one fault, for the bound. */
export const isMilli = (tokens: number): boolean =>
  tokens < 0 || tokens > MAX_TOKENS || toMilli(tokens) !== null;
export const tokens = z
  .number()
  .check(z.positive(), z.lte(MAX_TOKENS), z.refine(isMilli, "must be a multiple of 0.001"));

/** What limits and costs count. `count` is the number of requests in prices. */
export const unitName = name.check(
  z.refine((unit) => unit !== COUNT, `must not be ${COUNT}, which is the number of requests in prices`),
);

/** A cost in tokens; 0 costs nothing. */
export const MAX_COST = 1e6;
/** In other units, of which one request may cost many. */
const MAX_UNIT_COST = 1e9;
const costUpTo = (max: number) =>
  z.number().check(
    z.gte(0),
    z.lte(max),
    z.refine((amount) => amount > max || isMilli(amount), "must be a multiple of 0.001"),
  );

/** A number of requests, or amounts by unit: what is not named costs nothing. */
export const cost = z.union([
  costUpTo(MAX_COST),
  boundedRecord(unitName, costUpTo(MAX_UNIT_COST), MAX_UNITS, `names too many units (at most ${MAX_UNITS})`),
]);
export type CostDocument = z.infer<typeof cost>;

/** The day on which a month begins, 1 to 31; in shorter months the last day. */
export const anchorDay = z.int().check(z.gte(1), z.lte(31));
