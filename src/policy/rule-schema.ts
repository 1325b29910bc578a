/**
 * The rules of a policy document: who is let through, rejected or given another tier before any limit. rule-faults.ts checks what lies
 * between fields, rule-set.ts matches.
 */
import * as z from "zod/mini";
import { userIdSchema } from "../identity/user-id.ts";
import { name } from "./scalars.ts";

/** More rules would be a mistake. Each costs a bit in every set. */
const MAX_RULES = 100;
/** Of one rule here, and of all together in rule-faults.ts. They take 300 KB of an isolate, and 14 comparisons of a request. */
export const MAX_ADDRESSES = 5_000;
/** Entries of any other list. */
const MAX_ENTRIES = 1_000;
const MAX_ASN = 2 ** 32 - 1;

const list = <T extends z.ZodMiniType>(entry: T, max = MAX_ENTRIES) =>
  z.array(entry).check(z.minLength(1), z.maxLength(max));

/** Names a route by its `match`, which may be of several, or by its id. */
const routeName = z.string().check(z.minLength(1), z.maxLength(320));

export const ruleMembers = z.strictObject({
  /** Addresses and networks, such as 203.0.113.0/24 or 2001:db8::/32. */
  ip: z.optional(list(z.string().check(z.minLength(2), z.maxLength(49)), MAX_ADDRESSES)),
  /** Parts of the User-Agent header, in any case. */
  userAgent: z.optional(
    list(z.string().check(z.regex(/^[\x20-\x7e]{1,64}$/, "must be 1 to 64 printable ASCII characters"))),
  ),
  route: z.optional(z.union([routeName, list(routeName)])),
  asn: z.optional(list(z.int().check(z.gte(1), z.lte(MAX_ASN)))),
  country: z.optional(
    list(z.string().check(z.regex(/^[A-Z][A-Z0-9]$/, "must be a code of ISO 3166-1 alpha-2, or T1 for Tor"))),
  ),
  /** Ids of API keys. */
  key: z.optional(list(z.string().check(z.regex(/^[\x21-\x7e]{1,64}$/, "must be the id of an API key")))),
  user: z.optional(list(userIdSchema)),
});

export const rule = z.strictObject({
  name,
  /** All members must match; of a list, one entry. */
  if: ruleMembers,
  /** allow: without limits. deny: 403. A tier: of callers without an account. */
  then: z.union([z.enum(["allow", "deny"]), z.strictObject({ tier: name })]),
  /** Count what it would do, and do nothing. */
  shadow: z.optional(z.boolean()),
});

export const rules = z.array(rule).check(z.maxLength(MAX_RULES));

export type RuleDocument = z.infer<typeof rule>;
