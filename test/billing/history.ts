/**
 * A period of one account as a list of events, and what the product makes of it: segments, usage of each, lines, totals, hard stop.
 *
 * Plain data, so that the exact model and the rater in Python (rater.py) can judge the same history.
 */
import { ceilingsOf } from "../../src/billing/ceiling.ts";
import { exponentOf } from "../../src/billing/currency.ts";
import type { Line } from "../../src/billing/line.ts";
import { periodFrom } from "../../src/billing/period.ts";
import { isMonotonic } from "../../src/billing/price.ts";
import type { RatableSegment } from "../../src/billing/rate.ts";
import { cut, openSegments, type Segment } from "../../src/billing/segment.ts";
import { allowanceIn, linesOf, ratableSegments } from "../../src/billing/standing.ts";
import { ratesFor, type TaxRate } from "../../src/billing/tax.ts";
import { type OverageQuota, type PlanFields, termsOf } from "../../src/billing/terms.ts";
import { totalsOf, type TotalsOrNegative } from "../../src/billing/totals.ts";
import type { UsageRow } from "../../src/billing/usage.ts";
import { MAX_EXACT } from "../../src/core/units.ts";

export interface TierFields {
  readonly name: string;
  readonly plan: PlanFields;
  readonly quota: OverageQuota | null;
}

export type HistoryEvent =
  | ({ readonly kind: "use" } & UsageRow)
  /** `tier` is an index. */
  | { readonly kind: "change"; readonly atMs: number; readonly tier: number };

/** JSON: amounts are decimal strings of the major unit, or whole minor units as strings. */
export interface History {
  readonly currency: string;
  readonly anchorDay: number;
  readonly startMs: number;
  readonly tiers: readonly TierFields[];
  /** The first tier is in force at the start. */
  readonly events: readonly HistoryEvent[];
  /** `amount` in tokens. */
  readonly grants: readonly {
    readonly limit: string;
    readonly amount: number;
    readonly fromMs: number;
    readonly untilMs: number;
  }[];
  readonly spendCap: string | null;
  readonly budget: string | null;
  /** Whether credits limit the period: it has a tier of mode `prepaid`. */
  readonly isPrepaid: boolean;
  readonly taxes: readonly TaxRate[];
  readonly customer: { readonly country: string | null; readonly taxExempt: boolean };
  readonly credits: readonly {
    readonly id: string;
    readonly leftMinor: string;
    readonly effectiveMs: number;
    readonly expiresMs: number | null;
  }[];
}

export interface Bill {
  readonly period: { readonly startMs: number; readonly endMs: number; readonly fullMs: number };
  readonly segments: readonly RatableSegment[];
  readonly ledger: readonly UsageRow[];
  readonly lines: readonly Line[];
  readonly totals: TotalsOrNegative;
  /** Of the last segment; null if it has no overage quota, or its price can fall. */
  readonly hardStopMilli: number | null;
  readonly overageCeilingMinor: bigint | null;
}

/** What the product makes of a history: as the account's object will do, event by event. */
export function billOf(history: History): Bill {
  const { spendCap, budget, customer, taxes } = history;
  const period = periodFrom(history.startMs, history.anchorDay);
  const { segments: stored, ledger } = play(history);
  const credits = history.credits.map((credit) => ({ ...credit, leftMinor: BigInt(credit.leftMinor) }));
  const grants = history.grants.map(({ amount, ...grant }) => ({
    ...grant,
    amountMilli: Math.round(amount * 1000),
  }));
  const standing = { period, segments: stored, grants, credits, budget, keptMinor: null, customer };
  const rules = { exponent: exponentOf(history.currency) ?? NaN, taxes, spendCap };
  const segments = ratableSegments(standing, ledger);
  const lines = linesOf(standing, rules, ledger);
  const allowance = allowanceIn(standing, rules);
  const price = segments.at(-1)?.terms.quota?.price ?? null;
  const canBeCapped = price === null || isMonotonic(price);
  const rates = ratesFor(taxes, customer);
  return {
    period,
    segments,
    ledger,
    lines,
    totals: totalsOf(lines, rates, credits, period),
    hardStopMilli: allowance && canBeCapped ? (allowance.amountMilli ?? MAX_EXACT) : null,
    overageCeilingMinor: ceilingsOf({ spendCap, budget, balanceMinor: null }, [], rules.exponent)
      .overageMinor,
  };
}

/** The stored segments, and the ledger at the period's end. */
export function play({ startMs, anchorDay, tiers, events }: History): {
  segments: readonly Segment[];
  ledger: UsageRow[];
} {
  const termsIn = (index: number, revision: number) => {
    const { name, plan, quota } = tiers[index]!;
    return { tier: name, revision, terms: termsOf(plan, quota) };
  };
  let segments = openSegments(periodFrom(startMs, anchorDay), termsIn(0, 1));
  let ledger: UsageRow[] = [];
  events.forEach((event, index) => {
    if (event.kind === "use") {
      ledger = added(ledger, event);
      return;
    }
    const result = cut(segments, event.atMs, termsIn(event.tier, index + 2), ledger);
    if (result.kind === "cut") ({ segments } = result);
  });
  return { segments, ledger };
}

function added(ledger: readonly UsageRow[], { route, unit, count, costMilli }: UsageRow): UsageRow[] {
  const others = ledger.filter((row) => row.route !== route || row.unit !== unit);
  const own = ledger.find((row) => row.route === route && row.unit === unit);
  return [
    ...others,
    { route, unit, count: count + (own?.count ?? 0), costMilli: costMilli + (own?.costMilli ?? 0) },
  ];
}
