/** The decision API: response schemas and texts. */
import * as z from "zod/mini";
import { MAX_BATCH, operationSchema, settleSchema } from "../../src/api/decisions/operation.ts";
import type { Decision } from "../../src/core/decision.ts";
import { decisionSchema, reservationSchema, slotSchema } from "../../src/limiter/decision-schema.ts";
import type { ExtendedReservation, SettledReservation } from "../../src/objects/reservation.ts";
import { about, describeFields, named } from "../annotations.ts";
import { answer, json, type OperationNotes, text } from "../notes.ts";
import { faultsSchema } from "../problem-schema.ts";
import { moment, words } from "../scalars.ts";
import { LIMITS, limitSchema, REVISION } from "./limits.ts";
import { statusSchema } from "./usage.ts";

named("Operation", "May this user do this?", operationSchema);
describeFields(operationSchema, {
  user: "The user, with or without an account.",
  route: "The id of a route of the policy: its cost and its own limits apply.",
  cost: "A number of requests, or amounts by unit, in steps of 0.001: a limit whose unit it does not name is charged nothing. Takes precedence over the route's cost. Default: the route's cost, or 1.",
  tier: "The tier of a user without an account. An account's own tier takes precedence.",
  idempotencyKey:
    "Within ten minutes, the same key returns the same allowed decision, marked `replayed`, and is charged once; after a denial, the operation is decided again. With another cost, route, tier, peek or reserve the response is 422 `idempotency_mismatch`. Each API key has its own namespace; all RPC callers share one.",
  peek: "Decide without charging.",
  reserve:
    "The cost is charged now and settled later at what it came to. Unsettled for `ttlMs`, it stays charged. An operation that takes slots is a reservation in any case: by settling it, its slots are freed.",
});

named("SettleOperation", "Settles a reservation, or lets it last longer.", settleSchema);
describeFields(settleSchema, {
  user: "The user of the reservation.",
  reservation: "Its id.",
  cost: "What it has cost: a number of requests, or amounts by unit. What it does not name, costs nothing; 0 gives everything back.",
  extendMs:
    "Instead of `cost`, a heartbeat: how long the reservation lasts from now on, at most until the end of the hour after that in which it was made.",
});

/** The contract accepts any array, so that an invalid operation fails alone. */
const operationsSchema = z
  .array(z.union([operationSchema, settleSchema]))
  .check(z.minLength(1), z.maxLength(MAX_BATCH));

const fields = decisionSchema.shape;
export const decisionResponseSchema = named(
  "Decision",
  "The decision on one operation, allowed or not.",
  z.strictObject({
    outcome: about(
      "`allowed` or `denied` by the limits; `blocked`: the account is blocked; `overdue`: an invoice of it is past due; `denied_by_rule`: a rule of the policy rejects it; `overloaded`: the user sends more requests at once than can be decided.",
      z.enum(["allowed", "denied", "blocked", "overdue", "denied_by_rule", "overloaded"]),
    ),
    allowed: fields.allowed,
    cost: about(
      "Tokens (of requests) that the operation costs. Charged only if it is allowed and not a peek.",
      fields.cost,
    ),
    units: z.exactOptional(
      about("What it costs in other units, by unit. Absent: nothing.", fields.units.def.innerType),
    ),
    limits: z.array(limitSchema),
    retryAfterMs: about(
      "Milliseconds after which the operation is allowed if nothing else spends. 0 if allowed, null if never. At most 1,000 if only slots deny it: a slot may be freed earlier or later.",
      fields.retryAfterMs,
    ),
    violated: about("Names of the limits that denied the operation, or `rule:<name>`.", fields.violated),
    cap: z.exactOptional(
      about(
        "What sets where the quota stops that denied the operation: the policy's `spend_cap`, the customer's own `budget`, or their `credits`. Absent: no cap.",
        fields.cap.def.innerType,
      ),
    ),
    shadowed: z.exactOptional(
      about(
        "Names of the limits in shadow that would have denied the operation. It passed them. Absent: none would have.",
        fields.shadowed.def.innerType,
      ),
    ),
    source: about(
      "What decided: the user's object (`strict`), a lease or a cached denial at the edge, or the fallback while the limiter is down; `none`: nothing (`overloaded`).",
      fields.source,
    ),
    tier: about("The tier that applied.", fields.tier),
    revision: about(REVISION, fields.revision),
    decisionId: about(
      "`X-Request-Id` of the response; in a batch, followed by `-` and the operation's number, from 1. A repeated decision has the id of the first.",
      fields.decisionId,
    ),
    replayed: z.exactOptional(
      about(
        "Repeats the allowed decision of an earlier request with this idempotency key. Nothing was charged or counted.",
        fields.replayed.def.innerType,
      ),
    ),
    holds: about(
      "Slots taken of concurrency limits. Each is freed at `untilMs`.",
      z.array(
        z.strictObject({
          counter: slotSchema.shape.counter,
          untilMs: about("Unix milliseconds.", slotSchema.shape.untilMs),
        }),
      ),
    ),
    reservation: z.exactOptional(
      named(
        "Reservation",
        "What the operation has reserved: it is charged until it is settled. Unsettled when it expires, it stays charged.",
        z.strictObject({
          id: about("For the settlement.", reservationSchema.shape.id),
          expiresAt: moment("When it expires."),
        }),
      ),
    ),
  }) satisfies z.ZodMiniType<Decision>,
);
export type DecisionResponse = z.infer<typeof decisionResponseSchema>;

const settledSchema = named(
  "SettledReservation",
  "A reservation that is settled: now, or by the same call within the last ten minutes.",
  z.strictObject({
    reservation: words("Its id."),
    settled: z.literal(true),
    cost: about("What it has cost in requests.", fields.cost),
    units: z.exactOptional(about("What it has cost in other units.", fields.units.def.innerType)),
  }) satisfies z.ZodMiniType<SettledReservation>,
);

const extendedSchema = named(
  "ExtendedReservation",
  "A reservation that lasts longer.",
  z.strictObject({
    reservation: words("Its id."),
    settled: z.literal(false),
    expiresAt: moment("When it expires now."),
  }) satisfies z.ZodMiniType<ExtendedReservation>,
);

const retryAfterMs = () => z.nullable(z.number().check(z.gte(0)));

const operation = () => ({
  requestId: words("`X-Request-Id` of the response, followed by `-` and the operation's number, from 1."),
});

const batchItemSchema = named(
  "BatchItem",
  "A decision, what was settled, or the error of this operation. The other operations of the batch are decided regardless.",
  z.union([
    decisionResponseSchema,
    settledSchema,
    extendedSchema,
    z.strictObject({
      error: z.union([
        z.strictObject({ code: z.literal("invalid_request"), errors: faultsSchema, ...operation() }),
        z.strictObject({
          code: z.literal("temporary_reduced_capacity"),
          retryAfterMs: retryAfterMs(),
          ...operation(),
        }),
        z.strictObject({
          code: z.literal("idempotency_mismatch"),
          detail: words("For people."),
          ...operation(),
        }),
        z.strictObject({
          code: z.literal("too_many_reservations"),
          detail: words("For people."),
          retryAfterMs: retryAfterMs(),
          ...operation(),
        }),
        z.strictObject({ code: z.literal("reservation_gone"), detail: words("For people."), ...operation() }),
        z.strictObject({ code: z.literal("overloaded"), retryAfterMs: retryAfterMs(), ...operation() }),
      ]),
    }),
  ]),
);

const ALLOWED = {
  outcome: "allowed",
  allowed: true,
  cost: 2,
  limits: [...LIMITS],
  retryAfterMs: 0,
  violated: [],
  source: "strict",
  tier: "free",
  revision: 0,
  decisionId: "55393f1e-d649-457d-986e-e3434baf9f67",
  holds: [],
} satisfies DecisionResponse;

const DENIED = {
  ...ALLOWED,
  outcome: "denied",
  allowed: false,
  limits: [{ ...LIMITS[0], remaining: 0.5, resetMs: 300 }, LIMITS[1]],
  retryAfterMs: 900,
  violated: ["minute"],
  decisionId: "5cc39a31-9c64-4816-938e-44c41ab0a314",
} satisfies DecisionResponse;

const RESERVED = {
  ...ALLOWED,
  cost: 1,
  units: { tokens: 4_000 },
  limits: [
    { ...LIMITS[0], unit: "tokens", limit: 10_000, remaining: 6_000, resetMs: 24_000, windowMs: 60_000 },
    LIMITS[1],
  ],
  reservation: { id: "0b5d7bd6-64a3-4fd1-9a8a-8b5a6f8d3f5e", expiresAt: "2026-11-30T12:01:00.000Z" },
} satisfies DecisionResponse;

const SETTLED = {
  reservation: RESERVED.reservation.id,
  settled: true,
  cost: 1,
  units: { tokens: 812 },
} satisfies z.infer<typeof settledSchema>;

const EXTENDED = {
  reservation: RESERVED.reservation.id,
  settled: false,
  expiresAt: "2026-11-30T12:02:00.000Z",
} satisfies z.infer<typeof extendedSchema>;

const REPLAYED = { ...ALLOWED, replayed: true } satisfies DecisionResponse;

const INVALID = {
  error: {
    code: "invalid_request" as const,
    errors: [{ path: "/user", message: "must be 1 to 200 printable ASCII characters without spaces" }],
    requestId: "55393f1e-d649-457d-986e-e3434baf9f67-2",
  },
};

const lines = (...values: object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join("");

const USED = { requests: 1, cost: 2, denied: 0 };

const status: OperationNotes = {
  tag: "Rate limits",
  summary: "The caller's limits and usage",
  description: "Costs nothing. Without a credential: the limits of the caller's address.",
  responses: [
    answer(200, "The caller's limits and usage.", statusSchema, {
      status: {
        user: "demo-free",
        tier: "free",
        status: "active",
        revision: 0,
        limits: [...LIMITS],
        usage: { hour: USED, day: USED, month: USED },
      },
    }),
  ],
};

const userStatus: OperationNotes = {
  tag: "Rate limits",
  summary: "A user's limits and usage, for services",
  description:
    "Costs nothing. For users without an account, the limits are those of the policy's default tier. Requires an API key with the scope `check`.",
  responses: [
    answer(200, "The user's limits and usage.", statusSchema, {
      status: {
        user: "user-42",
        tier: "free",
        status: "active",
        revision: 0,
        limits: [...LIMITS],
        usage: { hour: USED, day: USED, month: USED },
      },
    }),
  ],
  problems: ["not_found"],
};

const check: OperationNotes = {
  tag: "Rate limits",
  summary: "May this user do this?",
  description:
    "A denial is an answer, not an error: the status is 200 either way. Requires an API key with the scope `check`.",
  body: {
    examples: {
      route: { user: "user-42", route: "/compare", tier: "free" },
      cost: { user: "user-42", cost: 0.5, idempotencyKey: "order-7" },
      peek: { user: "user-42", peek: true },
      reserve: { user: "user-42", cost: { requests: 1, tokens: 4_000 }, reserve: { ttlMs: 60_000 } },
    },
  },
  responses: [
    answer(200, "The decision.", decisionResponseSchema, {
      allowed: ALLOWED,
      denied: DENIED,
      replayed: REPLAYED,
      reserved: RESERVED,
    }),
  ],
  problems: ["idempotency_mismatch", "too_many_reservations"],
};

const settle: OperationNotes = {
  tag: "Rate limits",
  summary: "Settle a reservation",
  description:
    "Charges what the operation has cost, gives back the rest of what was reserved, and frees its slots. The same call again gets the first answer for ten minutes. A bucket gives back what its refill has not paid for meanwhile; a quota all, in its own period. With `extendMs`, the reservation lasts longer instead. Requires an API key with the scope `check`.",
  body: {
    examples: {
      settle: { user: "user-42", reservation: SETTLED.reservation, cost: { requests: 1, tokens: 812 } },
      refund: { user: "user-42", reservation: SETTLED.reservation, cost: 0 },
      heartbeat: { user: "user-42", reservation: SETTLED.reservation, extendMs: 60_000 },
    },
  },
  responses: [
    answer(200, "Settled, or extended.", z.union([settledSchema, extendedSchema]), {
      settled: SETTLED,
      extended: EXTENDED,
    }),
  ],
  problems: ["reservation_gone"],
};

const checkBatch: OperationNotes = {
  tag: "Rate limits",
  summary: "Up to 1,000 checks, as a JSON array or NDJSON",
  description:
    "As JSON: an array of operations; the response is an array in the same order. An item with `reservation` is a settlement or a heartbeat; those of a user come before the user's checks. As NDJSON: one operation per line; each is answered by one line as it arrives. A line that is too long or not JSON fails alone, and so do operations beyond 1,000. Requires an API key with the scope `check`.",
  body: {
    schema: operationsSchema,
    examples: { two: [{ user: "user-42", route: "/compare" }, { user: "user-43" }] },
    others: [
      text("application/x-ndjson", lines({ user: "user-42", route: "/compare" }, { user: "user-43" })),
    ],
  },
  responses: [
    {
      status: 200,
      description: "A decision or an error for each operation. In NDJSON, each line is one BatchItem.",
      contents: [
        json(z.array(batchItemSchema), { "one valid, one invalid": [ALLOWED, INVALID] }),
        text("application/x-ndjson", lines(ALLOWED, INVALID)),
      ],
    },
  ],
};

export const DECISIONS_NOTES = { status, userStatus, check, checkBatch, settle };
