/** `usage` of a route, as a policy document has it: what its requests cost is known only from their responses (docs/units.md). */
import * as z from "zod/mini";
import { tokens, unitName } from "./scalars.ts";

/** A member of a JSON object, such as `max_tokens`. */
const MEMBER = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

export const usage = z.strictObject({
  /** What is counted: the unit of at least one limit. */
  unit: unitName,
  /** How much is reserved before the request is forwarded. More is charged too, once it is known. */
  reserve: tokens,
  /** Where the response reports its cost: as that API does, or in the header X-Usage-Cost. */
  from: z.enum(["openai", "anthropic", "header"]),
  /** What a request costs whose upstream fails: nothing (the default), or what is reserved. */
  onError: z.optional(z.enum(["refund", "keep"])),
  /** What a request costs whose response reports no cost: `reserve` (the default), or nothing. */
  onUnknown: z.optional(z.enum(["keep", "refund"])),
  /** A member of the request's JSON body: its number is reserved instead if it is smaller. */
  reserveFrom: z.optional(
    z.string().check(z.regex(MEMBER, "must be the name of a member, such as max_tokens")),
  ),
});
