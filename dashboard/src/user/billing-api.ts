/** The admin API's answers about an account's billing, as far as the page shows them. Pure; every answer passes a guard. */
import type { Billing, ChangedTier, Credit, RemovedCredit, TierPreview } from "../shell/answers.ts";
import { isListOf, isNullOr, isNumber, isOneOf, isShape, isText, parseAs } from "../shell/guards.ts";

type WholeBill = Billing["accrued"];
type Line = Pick<WholeBill["lines"][number], "description" | "amount">;
type Tax = WholeBill["taxes"][number];
type Allowance = Pick<NonNullable<Billing["allowance"]>, "limit" | "included" | "amount">;

/** What a period comes to. Amounts are in the currency's major unit. */
export interface Bill extends Pick<WholeBill, "total" | "due"> {
  readonly lines: readonly Line[];
  readonly taxes: readonly Tax[];
}

type WholeForecast = NonNullable<Billing["forecast"]>;
/** What the open period will come to. */
export type Forecast = Pick<WholeForecast, "usage" | "amount" | "trend">;

/** An account's open period. */
export interface BillingSummary extends Pick<
  Billing,
  "period" | "currency" | "spendCap" | "budget" | "pendingTier"
> {
  readonly accrued: Bill;
  readonly forecast: Forecast | null;
}

/** What a change of tier would do. */
export interface Preview extends Pick<TierPreview, "effectiveAt" | "currency"> {
  readonly before: Bill;
  readonly after: Bill;
  readonly next: Bill;
  readonly allowance: Allowance | null;
}

export const isBill = isShape<Bill>({
  lines: isListOf(isShape<Line>({ description: isText, amount: isText })),
  taxes: isListOf(isShape<Tax>({ name: isText, percent: isText, amount: isText })),
  total: isText,
  due: isText,
});

const isForecast = isShape<Forecast>({
  usage: isShape({ expected: isNumber, low: isNumber, high: isNumber }),
  amount: isShape({ expected: isText, low: isText, high: isText }),
  trend: isNullOr(isShape({ perDay: isNumber, perWeekShare: isNullOr(isNumber) })),
});

export const parseBilling = parseAs(
  isShape<BillingSummary>({
    period: isShape({ start: isText, end: isText }),
    currency: isText,
    spendCap: isNullOr(isText),
    budget: isNullOr(isText),
    pendingTier: isNullOr(isText),
    accrued: isBill,
    forecast: isNullOr(isForecast),
  }),
);

export const parsePreview = parseAs(
  isShape<Preview>({
    effectiveAt: isText,
    currency: isText,
    before: isBill,
    after: isBill,
    next: isBill,
    allowance: isNullOr(
      isShape<Allowance>({ limit: isText, included: isNumber, amount: isNullOr(isNumber) }),
    ),
  }),
);

export const parseChangedTier = parseAs(
  isShape<Pick<ChangedTier, "at">>({ at: isOneOf({ now: true, period_end: true }) }),
);

const isCredit = isShape<Credit>({
  id: isText,
  kind: isOneOf({ paid: true, promotional: true }),
  currency: isText,
  amount: isText,
  left: isText,
  expires: isNullOr(isText),
  source: isText,
});
export const parseCredit = parseAs(isCredit);
export const parseCredits = parseAs(
  isShape<{ readonly credits: readonly Credit[] }>({ credits: isListOf(isCredit) }),
);
export const parseRemovedCredit = parseAs(isShape<RemovedCredit>({ removed: isText }));
