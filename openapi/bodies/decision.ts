/** What the decision API and the health endpoints answer. */
import * as z from "zod/mini";
import type { Decision, LimitView } from "../../src/core/decision.ts";
import type { LimitStatus, UserStatus } from "../../src/objects/user-status.ts";
import { about, named } from "../said.ts";
import { problemSchema } from "../problems.ts";
import { amount, count, moment, words } from "./scalars.ts";

const revision = () =>
  count("The policy revision that was decided by; 0 is the policy that ships with the Worker.");

const limit = {
  name: words("As in the policy."),
  kind: z.enum(["bucket", "quota", "concurrency"]),
  limit: amount("Capacity of the bucket, amount of the quota (tokens), or number of slots."),
  remaining: amount("Tokens that may be spent now, or slots that are free."),
  resetMs: amount(
    "Milliseconds until it is full again; while less than one token is there, until the next; for a quota, until its period ends; for slots, at most 1,000, since a request may end at any moment.",
  ),
  windowMs: amount(
    "In which an empty bucket fills, the length of the quota's period, or how long a slot may be held.",
  ),
};
const limitSchema = named(
  "Limit",
  "One limit as it stands for this user now.",
  z.strictObject(limit) satisfies z.ZodMiniType<LimitView>,
);

const limitStatusSchema = named(
  "LimitStatus",
  "One limit as it stands for this user now, with the period of a quota.",
  z.strictObject({
    ...limit,
    period: z.optional(
      named(
        "QuotaPeriod",
        "The period that a quota counts in now; other limits have none.",
        z.strictObject({
          start: moment("Inclusive."),
          end: moment("Exclusive."),
          used: amount(
            "Tokens counted in it, those lent to isolates too: `limit` less `remaining`, or more than `limit` if that was lowered.",
          ),
        }),
      ),
    ),
  }) satisfies z.ZodMiniType<LimitStatus>,
);

export const decisionSchema = named(
  "Decision",
  "The answer to one operation, allowed or not.",
  z.strictObject({
    outcome: about(
      "`allowed` or `denied` by the limits; `blocked`: the account is suspended; `overloaded`: the user sends more at once than can be decided.",
      z.enum(["allowed", "denied", "blocked", "overloaded"]),
    ),
    allowed: z.boolean(),
    cost: amount("Tokens the operation costs; charged only where it is allowed and no peek."),
    limits: z.array(limitSchema),
    retryAfterMs: about(
      "After which the same operation passes if nobody else spends. 0 if allowed, null if it never will. At most 1,000 if slots alone reject it: a slot may be free earlier or later.",
      z.nullable(z.number().check(z.gte(0))),
    ),
    violated: about("Names of the limits that refused.", z.array(z.string())),
    source: about(
      "Who decided: the user's object, a lease or a remembered denial at the edge, the fallback while the limiter is down; `none`: nobody (`overloaded`).",
      z.enum(["strict", "lease", "deny-cache", "fallback", "none"]),
    ),
    tier: words("The tier that was decided by."),
    revision: revision(),
    decisionId: words("Unique to this decision: a UUID, or one that is counted on from it."),
    replayed: z.exactOptional(
      about(
        "Repeats the allowed decision of an earlier request with this idempotency key; nothing was charged or counted.",
        z.literal(true),
      ),
    ),
    holds: about(
      "Slots taken of concurrency limits. Each frees itself at `untilMs`.",
      z.array(z.strictObject({ counter: z.string(), untilMs: amount("Unix milliseconds.") })),
    ),
  }) satisfies z.ZodMiniType<Decision>,
);

export const batchItemSchema = named(
  "BatchItem",
  "A decision, or why there is none for this operation; the others of the batch are decided all the same.",
  z.union([
    decisionSchema,
    z.strictObject({
      error: z.union([
        z.strictObject({
          code: z.literal("invalid_request"),
          errors: problemSchema.shape.errors.def.innerType,
        }),
        z.strictObject({
          code: z.literal("temporary_reduced_capacity"),
          retryAfterMs: z.nullable(z.number().check(z.gte(0))),
        }),
        z.strictObject({
          code: z.literal("idempotency_mismatch"),
          detail: words("For people."),
        }),
      ]),
    }),
  ]),
);

const usageSchema = named(
  "Usage",
  "What was used in a span of time, from the exact ledger.",
  z.strictObject({
    requests: count("Admitted requests; `denied` counts the others."),
    cost: amount("Tokens charged."),
    denied: count("Requests that were denied."),
  }),
);

export const statusSchema = named(
  "Status",
  "A caller's limits and usage.",
  z.strictObject({
    user: about("Null for an anonymous caller, who is known by address.", z.nullable(z.string())),
    tier: words("The tier that the caller's limits come from."),
    status: z.enum(["active", "blocked"]),
    revision: revision(),
    limits: z.array(limitStatusSchema),
    usage: about(
      "Of the current hour, day and calendar month in UTC. A quota's own period is in `limits`.",
      z.strictObject({ hour: usageSchema, day: usageSchema, month: usageSchema }),
    ),
  }) satisfies z.ZodMiniType<Omit<Extract<UserStatus, { kind: "status" }>, "kind">>,
);

const checks = z.strictObject({
  policy: words("`ok`, or what is wrong."),
  limiter: words("`ok`, or what is wrong."),
});

export const healthSchema = named(
  "Health",
  "How the Worker is doing.",
  z.strictObject({
    status: about(
      "`degraded`: it serves, but by an older policy or without its objects.",
      z.enum(["ok", "degraded"]),
    ),
    version: words("The product's version."),
    revision: about("The policy revision in force; null where none is known.", z.nullable(z.int())),
    checks,
  }),
);

export const readySchema = named(
  "Readiness",
  "Whether the Worker can decide.",
  z.strictObject({ ready: z.boolean(), checks }),
);
