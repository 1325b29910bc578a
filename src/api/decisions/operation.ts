/** The schema of an operation of the decision API. A schema only, so that openapi/ can import it. */
import * as z from "zod/mini";
import { toMilli } from "../../core/units.ts";
import { userIdSchema } from "../../identity/user-id.ts";
import { tierName } from "../fields.ts";

const MAX_COST = 1e6;
/** Operations in one batch. */
export const MAX_BATCH = 1_000;

/** May this user do this? Without a route and a cost, it costs 1 and is decided by the tier's limits. */
export const operationSchema = z.strictObject({
  user: userIdSchema,
  /** The id of a route of the policy (its `match`): its cost and its own limits apply. */
  route: z.optional(z.string().check(z.minLength(1), z.maxLength(320))),
  /** Tokens, in steps of 0.001. Replaces the route's cost. */
  cost: z.optional(
    z.number().check(
      z.gte(0),
      z.lte(MAX_COST),
      z.refine(
        (cost) => cost < 0 || cost > MAX_COST || toMilli(cost) !== null,
        "must be a multiple of 0.001",
      ),
    ),
  ),
  /** For users without an account: an account's own tier takes precedence. */
  tier: z.optional(tierName),
  idempotencyKey: z.optional(
    z.string().check(z.regex(/^[\x21-\x7e]{1,128}$/, "must be 1 to 128 printable ASCII characters")),
  ),
  /** Decides without charging. */
  peek: z.optional(z.boolean()),
});
export type Operation = z.infer<typeof operationSchema>;
