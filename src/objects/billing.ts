/**
 * An account's billing as the control plane exchanges it with the user's object: plain data. Times are Unix milliseconds, money is a
 * decimal string of the currency's major unit with all its decimals.
 */
import * as z from "zod/mini";
import type { StopReason } from "../billing/allowance.ts";
import type { LineDetail, LineKind } from "../billing/line.ts";
import type { OverageMode } from "../billing/terms.ts";
import type { ChangeTime } from "../billing/tier-change.ts";
import type { CallDiffers, Change } from "./change.ts";

/** What invoices say of the customer. Every field may be missing. */
export const customerSchema = z.strictObject({
  name: z.optional(z.string()),
  email: z.optional(z.string()),
  address: z.optional(z.array(z.string())),
  /** ISO 3166-1, two capitals: decides which taxes apply. */
  country: z.optional(z.string()),
  taxId: z.optional(z.string()),
  taxExempt: z.optional(z.boolean()),
});
export type Customer = z.infer<typeof customerSchema>;

/** Why a credit was given. Only paid ones are money that the customer has paid. */
export const CREDIT_KINDS = ["paid", "promotional"] as const;
export type CreditKind = (typeof CREDIT_KINDS)[number];

export interface BilledLine {
  readonly kind: LineKind;
  readonly description: string;
  readonly quantity: string | null;
  readonly unitPrice: string | null;
  readonly detail: readonly LineDetail[];
  readonly amount: string;
}

/** What a period comes to if no usage follows. */
export interface BillView {
  readonly lines: readonly BilledLine[];
  readonly subtotal: string;
  readonly taxes: readonly { readonly name: string; readonly percent: string; readonly amount: string }[];
  readonly total: string;
  /** What credits pay of it, by their ids. */
  readonly credits: readonly { readonly id: string; readonly amount: string }[];
  readonly due: string;
}

export interface UsageOfRoute {
  /** "" for usage without a route. */
  readonly route: string;
  readonly unit: string;
  readonly requests: number;
  /** In tokens. */
  readonly cost: number;
}

export interface SegmentView {
  readonly startMs: number;
  readonly endMs: number;
  readonly tier: string;
  readonly revision: number;
  /** Of the segment alone, by the ledger. */
  readonly usage: readonly UsageOfRoute[];
}

/** The quota with overage, in tokens since the period began. */
export interface AllowanceView {
  readonly limit: string;
  readonly mode: OverageMode;
  readonly included: number;
  readonly used: number;
  /** Where it stops; null: nowhere. */
  readonly amount: number | null;
  /** Why it stops there; null exactly if `amount` is. */
  readonly stop: StopReason | null;
}

/** A figure of a forecast: what is expected, and the band in which about 80 % of periods end. */
export interface Expected<T> {
  readonly expected: T;
  readonly low: T;
  readonly high: T;
}

/** What the open period is expected to come to when it ends. */
export interface BillingForecast {
  /** Whether the account's history is long enough to tell weekdays apart. */
  readonly byWeekday: boolean;
  /** In tokens of the unit that an overage quota counts, which is `requests`: what is used already and what is expected. */
  readonly usage: Expected<number>;
  /** The subtotal of the bill. What the quota would reject is not charged. */
  readonly amount: Expected<string>;
  /** Null: usage has no clear trend. */
  readonly trend: {
    /** Tokens: the change from a day to the next. */
    readonly perDay: number;
    /** The change in a week as a share of the median day; null if that is 0. */
    readonly perWeekShare: number | null;
  } | null;
}

export interface BillingView {
  readonly tier: string;
  /** The tier from the next period on; null: the same one. */
  readonly pendingTier: string | null;
  readonly trialEndsMs: number | null;
  readonly currency: string;
  readonly periodStartMs: number;
  readonly periodEndMs: number;
  /** The account's own anchor day, from the next period on; null: the policy's. */
  readonly anchorDay: number | null;
  readonly customer: Customer;
  readonly budget: string | null;
  readonly spendCap: string | null;
  readonly segments: readonly SegmentView[];
  readonly accrued: BillView;
  /** null: no quota of the account's terms has overage. */
  readonly allowance: AllowanceView | null;
  /** Null: fewer than three complete days of usage. */
  readonly forecast: BillingForecast | null;
}

export interface CreditView {
  readonly id: string;
  readonly kind: CreditKind;
  readonly currency: string;
  readonly amount: string;
  /** Of which nothing has been billed yet. */
  readonly left: string;
  readonly effectiveMs: number;
  readonly expiresMs: number | null;
  readonly source: string;
  readonly createdMs: number;
}

/** `not-billed`: the policy in force has no billing. */
export type NoBilling = { readonly kind: "absent" } | { readonly kind: "not-billed" };

export type BillingAnswer = { readonly kind: "billing"; readonly billing: BillingView } | NoBilling;

/** An account's open period in short, for a report of all accounts. */
export interface RunningPeriod {
  readonly tier: string;
  readonly currency: string;
  /** The base fee of a whole period, by the terms of now. */
  readonly base: string;
  /** What has accrued so far, before tax. */
  readonly subtotal: string;
  /** Of that, the overage. */
  readonly overage: string;
  /** Billed requests of the period so far. */
  readonly requests: number;
  readonly periodStartMs: number;
  readonly periodEndMs: number;
}

export type RunningAnswer = { readonly kind: "running"; readonly running: RunningPeriod } | NoBilling;

/** Fields that are left out stay as they are. */
export interface BillingChange {
  readonly customer?: Customer;
  readonly budget?: string | null;
  readonly anchorDay?: number | null;
}

export type BillingChangeAnswer =
  | BillingAnswer
  /** The price of the account's terms, or prices of single routes, cannot be capped. */
  | { readonly kind: "no-cap" }
  | CallDiffers;

export interface TierChange {
  readonly tier: string;
  /** null: now, unless the new base fee is lower. */
  readonly at: ChangeTime | null;
}

export type TierAnswer =
  | { readonly kind: "changed"; readonly at: ChangeTime; readonly billing: BillingView }
  | NoBilling
  | TierRejection
  | CallDiffers;

/** Why a tier cannot be changed now. */
export type TierRejection =
  | { readonly kind: "too-many-segments" }
  /** The account has a budget, which the tier's prices do not allow. */
  | { readonly kind: "no-cap" }
  /** The policy's currency is not the open period's. */
  | { readonly kind: "currency-differs"; readonly currency: string };

export interface TierPreview {
  readonly at: ChangeTime;
  readonly effectiveMs: number;
  readonly currency: string;
  readonly periodEndMs: number;
  /** The open period as it is and as it would be, if no usage follows. */
  readonly before: BillView;
  readonly after: BillView;
  /** The next period without usage. */
  readonly next: BillView;
  /** After the change, in the open period. */
  readonly allowance: AllowanceView | null;
}

export type PreviewAnswer =
  | { readonly kind: "preview"; readonly preview: TierPreview }
  | NoBilling
  | TierRejection;

export interface NewCredit {
  readonly id: string;
  readonly kind: CreditKind;
  readonly amount: string;
  /** null: the policy's. */
  readonly currency: string | null;
  /** null: now. */
  readonly effectiveMs: number | null;
  readonly expiresMs: number | null;
  /** What it is given for: the same source gives a credit once. */
  readonly source: string;
}

export type CreditAnswer =
  /** `isNew`: false if the source had given the same credit before. */
  | { readonly kind: "credit"; readonly credit: CreditView; readonly isNew: boolean }
  | NoBilling
  | CreditRejection
  | CallDiffers;

/** Why a credit is not given. */
export type CreditRejection =
  /** Not an amount above 0 with at most so many decimals. */
  | { readonly kind: "bad-amount"; readonly decimals: number }
  | { readonly kind: "currency-differs"; readonly currency: string }
  /** The credit would be in force, or expire, before the open period, which begins then. */
  | { readonly kind: "period-closed"; readonly startMs: number }
  /** The source has given another credit. */
  | { readonly kind: "source-used"; readonly id: string }
  | { readonly kind: "too-many" };

export type CreditsAnswer = { readonly kind: "credits"; readonly credits: readonly CreditView[] } | NoBilling;

export type RemovedCreditAnswer =
  /** `removed`: what was left and not yet accrued. */
  | { readonly kind: "removed"; readonly credit: CreditView; readonly removed: string }
  | { readonly kind: "no-credit" }
  | NoBilling
  | CallDiffers;

/**
 * Billing of an account. Each call first does what has become due, such as the end of a period. `revision` is the policy that the caller
 * has validated against: an older one must not answer. Rejects if it cannot be loaded.
 */
export interface BillingRpc {
  billing(revision: number): Promise<BillingAnswer>;
  /** {@link billing} in short. */
  runningPeriod(revision: number): Promise<RunningAnswer>;
  changeBilling(change: BillingChange, revision: number, by: Change): Promise<BillingChangeAnswer>;
  changeTier(change: TierChange, revision: number, by: Change): Promise<TierAnswer>;
  /** What {@link changeTier} would do, by the same code. Changes nothing. */
  previewTier(change: TierChange, revision: number): Promise<PreviewAnswer>;
  credits(revision: number): Promise<CreditsAnswer>;
  addCredit(credit: NewCredit, revision: number, by: Change): Promise<CreditAnswer>;
  removeCredit(id: string, revision: number, by: Change): Promise<RemovedCreditAnswer>;
  /** Begins or ends billing as the policy says. Safe to repeat. */
  openBilling(revision: number): Promise<void>;
}
