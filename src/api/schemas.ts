/** What clients may send to the API, as schemas: unknown fields are refused, every string and list is bounded. */
import * as z from "zod/mini";
import { toMilli } from "../core/units.ts";
import { SCOPES } from "../identity/key-store.ts";
import { userIdSchema } from "../identity/user-id.ts";

const MAX_COST = 1e6;
const tierName = z.string().check(z.regex(/^[a-z][a-z0-9_-]{0,31}$/, "is not the name of a tier"));
const displayName = z.string().check(z.maxLength(200));

/** One question of the decision API. Neither route nor cost: a cost of 1 against the tier's limits. */
export const operationSchema = z.strictObject({
  user: userIdSchema,
  /** A route of the policy by its id (its `match`): its cost and its own limits count. */
  route: z.optional(z.string().check(z.minLength(1), z.maxLength(320))),
  /** Tokens, in steps of 0.001. Comes before the route's cost. */
  cost: z.optional(
    z.number().check(
      z.gte(0),
      z.lte(MAX_COST),
      z.refine((cost) => toMilli(cost) !== null, "is finer than 0.001"),
    ),
  ),
  /** The tier of a user without an account; an account's own tier comes first. */
  tier: z.optional(tierName),
  idempotencyKey: z.optional(
    z.string().check(z.regex(/^[\x21-\x7e]{1,128}$/, "must be 1 to 128 printable ASCII characters")),
  ),
  peek: z.optional(z.boolean()),
});
export type Operation = z.infer<typeof operationSchema>;

/** Operations in one batch at most. */
export const MAX_BATCH = 1_000;
/** Items are parsed one by one, so that a bad one fails alone. */
export const batchSchema = z.array(z.unknown()).check(z.minLength(1), z.maxLength(MAX_BATCH));

export const newAccountSchema = z.strictObject({
  id: userIdSchema,
  name: z.optional(displayName),
  /** The policy's default tier where left out. */
  tier: z.optional(tierName),
});

export const accountChangeSchema = z
  .strictObject({
    name: z.optional(displayName),
    tier: z.optional(tierName),
    status: z.optional(z.enum(["active", "blocked"])),
  })
  .check(z.refine((change) => Object.keys(change).length > 0, "must change something"));

export const newKeySchema = z.strictObject({
  name: z.optional(displayName),
  /** What the key may do; ["call"] where left out. */
  scopes: z.optional(z.array(z.enum(SCOPES)).check(z.minLength(1), z.maxLength(SCOPES.length))),
  /** RFC 3339 in UTC; a key without it does not expire. */
  expiresAt: z.optional(z.iso.datetime()),
  /** Only the prefix of the key; live where left out. */
  mode: z.optional(z.enum(["live", "test"])),
});
