/** Names and amounts of a policy document. */
import * as z from "zod/mini";
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

/** The day on which a month begins, 1 to 31; in shorter months the last day. */
export const anchorDay = z.int().check(z.gte(1), z.lte(31));
