/** The schema of an account's overrides: numbers that replace those of its tier's limits. A schema only, so that openapi/ can import it. */
import * as z from "zod/mini";
import { boundedRecord } from "../../bounded-record.ts";
import { limitName, tokens } from "../fields.ts";

/** A tier has at most 8 limits; any other name is a fault anyway. */
const MAX_OVERRIDES = 64;

/** By the name of the tier's limit. */
export const overridesSchema = boundedRecord(
  limitName,
  z.strictObject({
    tokens: z.optional(tokens),
    per: z.optional(z.enum(["second", "minute", "hour", "day", "month"])),
    burst: z.optional(tokens),
    amount: z.optional(tokens),
    max: z.optional(z.int().check(z.gte(1), z.lte(1_000))),
  }),
  MAX_OVERRIDES,
  "has too many limits",
);
