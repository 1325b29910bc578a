/**
 * The billing fields of a policy document: what a tier costs, what usage beyond a quota costs, and what all bills have in common.
 *
 * Checks types and bounds only. billing-faults.ts finds what is wrong with prices and caps, for new documents: a stored one compiles
 * forever. Amounts of money are decimal strings (src/billing/money.ts).
 */
import * as z from "zod/mini";
import { anchorDay, name, tokens } from "./scalars.ts";

/** 12 digits before the point and 12 after it. */
const MAX_MONEY_LENGTH = 25;
/** More would be a mistake. These bounds also bound the work of a check. */
const MAX_PRICE_TIERS = 100;
const MAX_PRICES = 100;
const MAX_TAXES = 500;
const MAX_ALERTS = 10;
const MAX_TRIAL_DAYS = 366;
const MAX_DUE_DAYS = 366;
/** A week: how long a draft may wait for its review. */
const MAX_REVIEW_MINUTES = 7 * 24 * 60;

const money = z.string().check(z.minLength(1), z.maxLength(MAX_MONEY_LENGTH));
const text = (length: number) => z.string().check(z.minLength(1), z.maxLength(length));

const priceTier = z.strictObject({
  /** The last amount of usage that the tier covers; null in the last tier. */
  upTo: z.nullable(tokens),
  unit: z.optional(money),
  flat: z.optional(money),
});
const priceTiers = z.array(priceTier).check(z.minLength(1), z.maxLength(MAX_PRICE_TIERS));

/** docs/billing.md says what each model charges. */
export const price = z.discriminatedUnion("model", [
  z.strictObject({ model: z.literal("unit"), unit: money }),
  z.strictObject({ model: z.literal("graduated"), tiers: priceTiers }),
  z.strictObject({ model: z.literal("volume"), tiers: priceTiers }),
  z.strictObject({
    model: z.literal("package"),
    size: tokens,
    price: money,
    free: z.optional(tokens),
  }),
]);

/** What happens beyond a quota's amount. */
export const overage = z.strictObject({
  mode: z.optional(z.enum(["stop", "payg", "prepaid"])),
  spendCap: z.optional(money),
  price: z.optional(price),
});

/** What a tier costs. */
export const plan = z.strictObject({
  base: z.optional(money),
  trialDays: z.optional(z.int().check(z.gte(0), z.lte(MAX_TRIAL_DAYS))),
  minimum: z.optional(money),
  prices: z.optional(
    z.array(z.strictObject({ route: text(512), of: name, price })).check(z.maxLength(MAX_PRICES)),
  ),
});

/** What all bills have in common. */
export const billing = z.strictObject({
  /** ISO 4217. Cannot change once an invoice is issued. */
  currency: z.string().check(z.regex(/^[A-Z]{3}$/, "must be a code of ISO 4217 in capitals, such as USD")),
  /** Prefix of the invoices' numbers. Default: INV. */
  series: z.optional(
    z
      .string()
      .check(z.regex(/^[A-Z][A-Z0-9]{0,11}$/, "must be 1 to 12 of A-Z and 0-9, and begin with a letter")),
  ),
  /** The day on which accounts' periods begin, unless the account has its own. Default: 1. */
  anchorDay: z.optional(anchorDay),
  dueDays: z.optional(z.int().check(z.gte(0), z.lte(MAX_DUE_DAYS))),
  reviewMinutes: z.optional(z.int().check(z.gte(0), z.lte(MAX_REVIEW_MINUTES))),
  /** Reject requests of accounts that have an invoice past due. Default: false. */
  blockPastDue: z.optional(z.boolean()),
  carryBelow: z.optional(money),
  /** The operator's estimate of what a million requests cost. No bill contains it. */
  costPerMillion: z.optional(money),
  seller: z.optional(
    z.strictObject({
      name: text(200),
      address: z.array(text(200)).check(z.minLength(1), z.maxLength(8)),
      taxId: z.optional(text(64)),
    }),
  ),
  taxes: z.optional(
    z
      .array(
        z.strictObject({
          country: z
            .string()
            .check(z.regex(/^[A-Z]{2}$/, "must be a code of ISO 3166-1 in capitals, such as DE")),
          name: text(64),
          percent: money,
        }),
      )
      .check(z.maxLength(MAX_TAXES)),
  ),
  /** Percent of the included amount, a cap, a budget or credits. */
  alerts: z.optional(z.array(z.int().check(z.gte(1), z.lte(1_000))).check(z.maxLength(MAX_ALERTS))),
  portal: z.optional(
    z.strictObject({
      /** Whether customers may manage their keys. */
      keys: z.optional(z.boolean()),
      /** The tiers that customers may choose. */
      tiers: z.optional(z.array(name).check(z.maxLength(64))),
    }),
  ),
});

export type BillingDocument = z.infer<typeof billing>;
export type PlanDocument = z.infer<typeof plan>;
export type OverageDocument = z.infer<typeof overage>;
