/** An account's billing: response schemas and texts. */
import * as z from "zod/mini";
import { userIdSchema } from "../../src/identity/user-id.ts";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes, REASON } from "../notes.ts";
import { amount, count, moment, momentOrNull, money, words } from "../scalars.ts";

const lineSchema = named(
  "BillLine",
  "A line of a bill. Rounded once, to the currency's minor unit.",
  z.strictObject({
    kind: z.enum(["base", "overage", "usage", "minimum", "adjustment", "carried"]),
    description: z.string(),
    quantity: about("Tokens or requests; null if the line is not for usage.", z.nullable(z.string())),
    unitPrice: about("As configured; null if there is none or several.", z.nullable(z.string())),
    detail: about(
      "The parts of a price with several tiers or packages.",
      z.array(
        z.strictObject({ quantity: z.string(), unitPrice: z.string(), flat: z.string(), amount: z.string() }),
      ),
    ),
    amount: money("Before tax."),
  }),
);

const billSchema = named(
  "Bill",
  "What a period comes to if no usage follows.",
  z.strictObject({
    lines: z.array(lineSchema),
    subtotal: money("The sum of the lines."),
    taxes: z.array(z.strictObject({ name: z.string(), percent: z.string(), amount: z.string() })),
    total: money("With tax."),
    credits: about(
      "What credits pay of it.",
      z.array(z.strictObject({ id: z.string(), amount: z.string() })),
    ),
    due: money("What is left to pay."),
  }),
);

const allowanceSchema = named(
  "Allowance",
  "The quota with overage, in tokens since the period began.",
  z.strictObject({
    limit: words("The name of the limit."),
    mode: about("What happens beyond the included amount.", z.enum(["stop", "payg", "prepaid"])),
    included: amount("Usage up to here costs nothing beyond the base fee."),
    used: amount("By the ledger."),
    amount: about("Where the quota stops; null: nowhere.", z.nullable(z.number())),
    stop: about(
      "Why it stops there; null if nothing caps it.",
      z.nullable(z.enum(["included", "spend_cap", "budget", "credits"])),
    ),
  }),
);

const customerSchema = named(
  "Customer",
  "What invoices say of the customer.",
  z.strictObject({
    name: z.optional(z.string()),
    email: z.optional(z.string()),
    address: z.optional(z.array(z.string())),
    country: z.optional(about("ISO 3166-1: decides which taxes apply.", z.string())),
    taxId: z.optional(z.string()),
    taxExempt: z.optional(z.boolean()),
  }),
);

export const segmentSchema = named(
  "BillingSegment",
  "A part of a billing period under one set of terms. Each is rated by itself.",
  z.strictObject({
    start: moment("Its first moment."),
    end: moment("Exclusive."),
    tier: z.string(),
    revision: count("Of the policy that the terms were copied from."),
    usage: about(
      "Of the segment alone, by route.",
      z.array(
        z.strictObject({
          route: words("Empty for requests that name no route."),
          unit: z.string(),
          requests: count("Admitted requests."),
          cost: amount("Tokens charged."),
        }),
      ),
    ),
  }),
);

const expected = <T extends z.ZodMiniType>(value: T) =>
  z.strictObject({ expected: value, low: value, high: value });

const forecastSchema = named(
  "BillingForecast",
  "What the open period is expected to come to at its end. The method and how often it is right: docs/billing.md.",
  z.strictObject({
    periodEnd: moment("The end of the open period."),
    byWeekday: about("Whether weekdays are told apart: from two weeks of history on.", z.boolean()),
    usage: about(
      "In tokens of requests, which an overage quota counts: what is used so far and what is expected, whether or not the quota stops before. About 80 % of periods end from `low` to `high`.",
      expected(z.number()),
    ),
    amount: about(
      "The subtotal that the period comes to at each of the three, in the currency's major unit. Usage beyond the point where the quota stops is not charged.",
      expected(z.string()),
    ),
    trend: about(
      "Null if usage has no clear trend, or fewer than 28 complete days.",
      z.nullable(
        z.strictObject({
          perDay: about("The change from a day to the next, in tokens.", z.number()),
          perWeekShare: about(
            "The change in a week as a share of the median day; null if that is 0.",
            z.nullable(z.number()),
          ),
        }),
      ),
    ),
  }),
);

export const billingSchema = named(
  "AccountBilling",
  "An account's open billing period, and what it comes to so far.",
  z.strictObject({
    account: userIdSchema,
    tier: words("The tier in force."),
    pendingTier: about("The tier from the next period on; null: the same one.", z.nullable(z.string())),
    trialEndsAt: momentOrNull("When the account's trial ends or has ended; null if it had none."),
    currency: words("ISO 4217."),
    period: z.strictObject({ start: moment("Its first moment."), end: moment("Exclusive.") }),
    anchorDay: about("The account's own, from the next period on; null: the policy's.", z.nullable(z.int())),
    customer: customerSchema,
    budget: about("The customer's own cap on overage; null: none.", z.nullable(z.string())),
    spendCap: about("The policy's cap on overage; null: none.", z.nullable(z.string())),
    segments: z.array(segmentSchema),
    accrued: billSchema,
    allowance: about("Null if no quota of the account's terms has overage.", z.nullable(allowanceSchema)),
    forecast: about("Null with fewer than three complete days of usage.", z.nullable(forecastSchema)),
  }),
);
export type BillingResponse = z.infer<typeof billingSchema>;

const changedTierSchema = named(
  "ChangedTier",
  "When the change takes effect, and the account's billing after it.",
  z.strictObject({ at: z.enum(["now", "period_end"]), billing: billingSchema }),
);
export type ChangedTierResponse = z.infer<typeof changedTierSchema>;

export const previewSchema = named(
  "TierPreview",
  "What a change of tier would do, rated as an invoice is.",
  z.strictObject({
    at: z.enum(["now", "period_end"]),
    effectiveAt: moment("When the change would take effect."),
    currency: words("ISO 4217."),
    periodEnd: moment("When the open period ends."),
    before: about("The open period without the change.", billSchema),
    after: about("The open period with the change.", billSchema),
    next: about("The next period, without usage.", billSchema),
    allowance: about("In the open period, with the change.", z.nullable(allowanceSchema)),
  }),
);
export type TierPreviewResponse = z.infer<typeof previewSchema>;

const BASE_LINE = {
  kind: "base" as const,
  description: "pro: base fee, 2026-11-01 until 2026-12-01",
  quantity: null,
  unitPrice: "99",
  detail: [],
  amount: "99.00",
};
const BILL = {
  lines: [BASE_LINE],
  subtotal: "99.00",
  taxes: [{ name: "VAT", percent: "19", amount: "18.81" }],
  total: "117.81",
  credits: [],
  due: "117.81",
};
const ALLOWANCE = {
  limit: "month",
  mode: "payg" as const,
  included: 1_000_000,
  used: 60_000,
  amount: 1_400_000,
  stop: "spend_cap" as const,
};
/** The portal has it too, without the operator's fields. */
export const EXAMPLE = {
  account: "acme",
  tier: "pro",
  pendingTier: null,
  trialEndsAt: null,
  currency: "EUR",
  period: { start: "2026-11-01T00:00:00.000Z", end: "2026-12-01T00:00:00.000Z" },
  anchorDay: null,
  customer: { name: "Acme GmbH", country: "DE" },
  budget: null,
  spendCap: "200",
  segments: [
    {
      start: "2026-11-01T00:00:00.000Z",
      end: "2026-12-01T00:00:00.000Z",
      tier: "pro",
      revision: 3,
      usage: [{ route: "/identify", unit: "requests", requests: 60_000, cost: 60_000 }],
    },
  ],
  accrued: BILL,
  allowance: ALLOWANCE,
  forecast: {
    periodEnd: "2026-12-01T00:00:00.000Z",
    byWeekday: true,
    usage: { expected: 1_060_000, low: 980_000, high: 1_140_000 },
    amount: { expected: "129.00", low: "99.00", high: "165.00" },
    trend: { perDay: 210, perWeekShare: 0.04 },
  },
} satisfies BillingResponse;

export const PREVIEW = {
  at: "now",
  effectiveAt: "2026-11-21T01:27:13.050Z",
  currency: "EUR",
  periodEnd: "2026-12-01T00:00:00.000Z",
  before: { ...BILL, lines: [], subtotal: "0.00", taxes: [], total: "0.00", due: "0.00" },
  after: BILL,
  next: BILL,
  allowance: ALLOWANCE,
} satisfies TierPreviewResponse;

const getBilling: OperationNotes = {
  tag: "Billing",
  summary: "An account's open billing period",
  description:
    "What has accrued is what the period comes to if no usage follows: the whole base fee, and overage so far. The same code rates invoices.",
  responses: [answer(200, "The account's billing.", billingSchema, { billing: EXAMPLE })],
  problems: ["not_found", "conflict"],
};

const changeBilling: OperationNotes = {
  tag: "Billing",
  summary: "Change customer details, budget or anchor day",
  description:
    "A budget applies at once; one below what has accrued stops further overage and gives nothing back. An anchor day applies from the next period on, which is then a stub.",
  body: {
    fields: {
      customer: "Replaces all details; null removes them.",
      budget: "The most that a period's overage may come to, before tax; null removes it.",
      anchorDay: "The day on which the account's periods begin; null: the policy's.",
      reason: REASON,
    },
    examples: { budget: { budget: "150.00" }, customer: { customer: { name: "Acme GmbH", country: "DE" } } },
  },
  responses: [answer(200, "The account's billing.", billingSchema, { billing: EXAMPLE })],
  problems: ["not_found", "conflict"],
};

const AT = "`now` or `period_end`. Default: now, unless the new base fee is lower.";

const changeTier: OperationNotes = {
  tag: "Billing",
  summary: "Change an account's tier, now or at the period's end",
  description:
    "A change now ends the current segment: base fee and included amount of each segment are prorated. The same tier with `at: now` takes over what the policy says of it now. A tier equal to the present one at the period's end cancels a pending change.",
  body: {
    fields: { tier: "A tier of the policy.", at: AT, reason: REASON },
    examples: { upgrade: { tier: "pro" }, downgrade: { tier: "free", at: "period_end" } },
  },
  responses: [
    answer(200, "When it takes effect.", changedTierSchema, { now: { at: "now", billing: EXAMPLE } }),
  ],
  problems: ["not_found", "conflict", "currency_differs"],
};

const previewTier: OperationNotes = {
  tag: "Billing",
  summary: "What a change of tier would do",
  description: "Changes nothing. Computed by the code that makes the change and rates the period.",
  body: {
    fields: { tier: "A tier of the policy.", at: AT },
    examples: { upgrade: { tier: "pro" } },
  },
  responses: [answer(200, "The preview.", previewSchema, { upgrade: PREVIEW })],
  problems: ["not_found", "conflict", "currency_differs"],
};

export const BILLING_NOTES = { getBilling, changeBilling, changeTier, previewTier };
