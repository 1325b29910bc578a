/** The schema of an operation of the decision API. A schema only, so that openapi/ can import it. */
import * as z from "zod/mini";
import { MAX_RESERVATION_MS } from "../../core/reservation-book.ts";
import { userIdSchema } from "../../identity/user-id.ts";
import { cost } from "../../policy/scalars.ts";
import { tierName } from "../fields.ts";

/** Operations in one batch. */
export const MAX_BATCH = 1_000;

/** How long a reservation lasts. */
const lifetime = z.int().check(z.gte(1), z.lte(MAX_RESERVATION_MS));

/** May this user do this? Without a route and a cost, it costs 1 and is decided by the tier's limits. */
export const operationSchema = z.strictObject({
  user: userIdSchema,
  /** The id of a route of the policy (its `match`): its cost and its own limits apply. */
  route: z.optional(z.string().check(z.minLength(1), z.maxLength(320))),
  /** A number of requests, or amounts by unit, in steps of 0.001. Replaces the route's cost. */
  cost: z.optional(cost),
  /** For users without an account: an account's own tier takes precedence. */
  tier: z.optional(tierName),
  idempotencyKey: z.optional(
    z.string().check(z.regex(/^[\x21-\x7e]{1,128}$/, "must be 1 to 128 printable ASCII characters")),
  ),
  /** Decides without charging. */
  peek: z.optional(z.boolean()),
  /** The cost is settled later, or stays charged when this time is over. */
  reserve: z.optional(z.strictObject({ ttlMs: lifetime })),
});
export type Operation = z.infer<typeof operationSchema>;

/** Settles a reservation at what it has cost, or lets it last longer. */
export const settleSchema = z
  .strictObject({
    user: userIdSchema,
    reservation: z.string().check(z.regex(/^[\x21-\x7e]{1,64}$/, "is not the id of a reservation")),
    /** The whole cost: what it does not name, costs nothing. */
    cost: z.optional(cost),
    /** Instead of a cost: how long it lasts from now on. */
    extendMs: z.optional(lifetime),
  })
  .check(
    z.refine(({ cost: settled, extendMs }) => (settled === undefined) !== (extendMs === undefined), {
      error: "give either the cost, to settle it, or extendMs, to let it last longer",
      path: ["cost"],
    }),
  );
export type SettleOperation = z.infer<typeof settleSchema>;
