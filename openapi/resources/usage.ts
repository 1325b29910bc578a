/** What a user may use now and has used so far: response schemas and texts. */
import * as z from "zod/mini";
import { userIdSchema } from "../../src/identity/user-id.ts";
import { decisionSchema } from "../../src/limiter/decision-schema.ts";
import type { UserStatus } from "../../src/objects/user-status.ts";
import { about, named } from "../annotations.ts";
import { answer, CURSOR, json, type OperationNotes, RANGE_START, text } from "../notes.ts";
import { amount, count, moment, nextCursor, words } from "../scalars.ts";
import { limitStatusSchema, revision } from "./limits.ts";

const unitAmounts = (description: string) =>
  about(description, z.record(z.string(), amount("In thousandths at the finest.")));

const usageFields = {
  requests: count("Admitted requests. `denied` counts the others."),
  cost: amount("Tokens (of requests) charged."),
  denied: count("Denied requests."),
  units: z.exactOptional(
    about(
      "The cost in other units than requests, by unit. Absent: there is none.",
      decisionSchema.shape.units.def.innerType,
    ),
  ),
};
const usageSchema = named(
  "Usage",
  "Usage in a span of time, from the exact ledger.",
  z.strictObject(usageFields),
);

export const statusSchema = named(
  "Status",
  "A caller's limits and usage.",
  z.strictObject({
    user: about("Null for an anonymous caller, who is identified by address.", z.nullable(z.string())),
    tier: words("The tier of the caller's limits."),
    status: z.enum(["active", "blocked"]),
    revision: revision(),
    limits: z.array(limitStatusSchema),
    shadow: z.optional(
      about(
        "Limits in shadow, which deny nothing. Operators and services alone see them.",
        z.array(limitStatusSchema),
      ),
    ),
    billing: z.optional(
      named(
        "StatusBilling",
        "What the open billing period has come to, for an account that is billed. Amounts are decimal strings in the currency's major unit.",
        z.strictObject({
          currency: words("ISO 4217."),
          accrued: words("All lines of the bill so far, before tax and credits, with the whole base fee."),
          overage: words("Of that, usage beyond what is included: what caps count."),
          spendCap: about("The policy's cap on overage. Null: none.", z.nullable(z.string())),
          budget: about("The customer's own cap on overage. Null: none.", z.nullable(z.string())),
          credits: words("What credits can pay, of which this bill takes its part."),
        }),
      ),
    ),
    reservations: z.optional(
      named(
        "OpenReservations",
        "Open reservations, which are charged although what they cost is not known yet. Absent: there are none.",
        z.strictObject({
          open: count("How many there are."),
          cost: amount("Tokens of requests that they reserve together."),
          units: z.optional(unitAmounts("What they reserve in other units, by unit.")),
        }),
      ),
    ),
    usage: about(
      "Of the current hour, day and calendar month in UTC. For the period of a quota, see `limits`.",
      z.strictObject({ hour: usageSchema, day: usageSchema, month: usageSchema }),
    ),
  }) satisfies z.ZodMiniType<Omit<Extract<UserStatus, { kind: "status" }>, "kind">>,
);
export type StatusResponse = z.infer<typeof statusSchema>;

export const usageReportSchema = named(
  "UsageReport",
  "An account's usage, from the exact ledger.",
  z.strictObject({
    account: userIdSchema,
    from: moment("Start of the first hour."),
    to: moment("Exclusive."),
    granularity: z.enum(["hour", "day", "week", "month"]),
    usage: z.array(
      z.strictObject({
        period: moment("Start of the hour, day, week or month, even if `from` is later."),
        ...usageFields,
        route: z.optional(
          about("The route's id, if grouped by route; empty for requests that name no route.", z.string()),
        ),
        key: z.optional(
          about("The key's id, if grouped by key; empty for requests without a key.", z.string()),
        ),
        unit: z.optional(
          about(
            "If grouped by unit: `cost` is in this unit, and there are no `units`. `requests` and `denied` are counted in the row of `requests` alone.",
            z.string(),
          ),
        ),
      }),
    ),
    cursor: nextCursor(),
  }),
);
export type UsageResponse = z.infer<typeof usageReportSchema>;

const ONE_REQUEST = { requests: 1, cost: 1, denied: 0 };

const getAccountStatus: OperationNotes = {
  tag: "Accounts",
  summary: "A user's current limits and usage",
  description:
    "Read from the user's own object. Costs nothing. For users without an account, the limits are those of the policy's default tier; a token may name another. Limits of single routes and keys are not included.",
  responses: [
    answer(200, "The user's limits and usage.", statusSchema, {
      status: {
        user: "acme",
        tier: "pro",
        status: "active",
        revision: 3,
        limits: [
          { name: "minute", kind: "bucket", limit: 3_000, remaining: 2_999, resetMs: 30, windowMs: 90_000 },
          {
            name: "month",
            kind: "quota",
            limit: 1_000_000,
            remaining: 940_000,
            resetMs: 2_073_600_000,
            windowMs: 2_592_000_000,
            period: { start: "2026-11-15T00:00:00.000Z", end: "2026-12-15T00:00:00.000Z", used: 60_000 },
          },
        ],
        usage: { hour: ONE_REQUEST, day: ONE_REQUEST, month: ONE_REQUEST },
      },
    }),
  ],
  problems: ["not_found"],
};

const getUsage: OperationNotes = {
  tag: "Accounts",
  summary: "Exact usage by hour, day, week or month, also by route, key or unit, or as CSV",
  description:
    "Counted in whole hours, also for users without an account. Pages follow the order of period, route, key and unit, so no row appears twice. The current hour still grows, and so does its period. For bills, query closed periods: set `to` to the end of an hour, and query at least a minute after it.",
  query: {
    from: `${RANGE_START} Default: the start of the month.`,
    to: "Exclusive. Default: now.",
    granularity: "Default: `day`. Weeks begin on Monday (ISO 8601), in UTC as all periods.",
    anchorDay:
      "With `granularity=month`: months start on this day (in a shorter month on its last day), like a quota with this `anchorDay`. Default: 1.",
    group:
      "One row for each `route`, `key` or `unit`, or for each combination of several, as in `route,unit`. Rows of any grouping add up to the rows without one.",
    mode: "Only usage of `live` or of `test` keys: bills are made of live usage. Usage without a key is live. Default: all.",
    format: "Takes precedence over the header Accept.",
    limit: "Rows per page. Default: 1,000.",
    cursor: CURSOR,
  },
  responses: [
    {
      status: 200,
      description: "A page of usage.",
      contents: [
        json(usageReportSchema, {
          "by route": {
            account: "acme",
            from: "2026-11-01T00:00:00.000Z",
            to: "2026-11-21T01:27:13.662Z",
            granularity: "day",
            usage: [{ period: "2026-11-21T00:00:00Z", ...ONE_REQUEST, route: "/identify" }],
            cursor: null,
          },
          "by unit": {
            account: "acme",
            from: "2026-11-01T00:00:00.000Z",
            to: "2026-11-21T01:27:13.662Z",
            granularity: "month",
            usage: [
              { period: "2026-11-01T00:00:00Z", ...ONE_REQUEST, unit: "requests" },
              { period: "2026-11-01T00:00:00Z", requests: 0, cost: 4_000, denied: 0, unit: "tokens" },
            ],
            cursor: null,
          },
        }),
        text(
          "text/csv",
          "period,requests,cost,denied,units\r\n2026-11-21T00:00:00Z,1,1,0,rows=2;tokens=4000\r\n",
        ),
      ],
      headers: ["Link"],
    },
  ],
  problems: ["not_found"],
};

export const USAGE_NOTES = { getAccountStatus, getUsage };
