/**
 * Where an account stands in its billing period: what its tables say and the policy adds, made into lines and an allowance.
 *
 * The object stores the parts as they are and calls these functions, so status, preview, close and decisions cannot differ.
 *
 * Pure: no I/O and no clock.
 */
import type { Span } from "../core/calendar.ts";
import { type Allowance, type AllowanceBasis, allowanceOf } from "./allowance.ts";
import { type Caps, type Ceilings, ceilingsOf } from "./ceiling.ts";
import { balanceMinor, type Credit } from "./credit.ts";
import type { Line } from "./line.ts";
import type { Period } from "./period.ts";
import { type RatableSegment, ratePeriod } from "./rate.ts";
import {
  grantedBySegment,
  type IncludedGrant,
  type Segment,
  type SegmentTerms,
  usageBySegment,
} from "./segment.ts";
import { ratesFor, type TaxRate } from "./tax.ts";
import { compileTerms } from "./terms.ts";
import { unpaidMilli } from "./unpaid.ts";
import type { UsageRow } from "./usage.ts";

/** An account in its current period, as it is stored. */
export interface BillingStanding {
  readonly period: Period;
  /** At least one; the last is the current one. */
  readonly segments: readonly Segment[];
  readonly grants: readonly IncludedGrant[];
  /** With what is left of each. */
  readonly credits: readonly Credit[];
  /** The customer's own cap: a decimal string. */
  readonly budget: string | null;
  /** What overage had come to when a cap was set below it (`keptCeilingMinor`); null: never. */
  readonly keptMinor: bigint | null;
  readonly customer: { readonly country: string | null; readonly taxExempt: boolean };
}

/** What the policy in force adds: it applies at once, unlike terms. */
export interface BillingRules {
  readonly exponent: number;
  readonly taxes: readonly TaxRate[];
  /** Of the account's tier; null: none. */
  readonly spendCap: string | null;
}

/**
 * The period's lines if it ended with this usage.
 * @param usage of the period, as the ledger counts it.
 */
export function linesOf(
  standing: BillingStanding,
  rules: BillingRules,
  usage: readonly UsageRow[],
): readonly Line[] {
  return rated(standing, rules, ratableSegments(standing, usage));
}

/** The allowance in the current segment; null if its terms have no overage quota. */
export function allowanceIn(standing: BillingStanding, rules: BillingRules): Allowance | null {
  return allowanceOf(allowanceBasis(standing, rules));
}

/** What the allowance in the current segment follows from. */
export function allowanceBasis(standing: BillingStanding, rules: BillingRules): AllowanceBasis {
  const { segments, period, customer } = standing;
  const last = segments.at(-1);
  if (last === undefined) throw new RangeError("a period without a segment");
  const ratable = ratableSegments(standing, last.usageAtStart);
  const current = ratable.at(-1);
  if (current === undefined) throw new RangeError("a period without a segment");
  const ended = ratable.slice(0, -1);
  const earlier = rated(standing, rules, ended);
  const { fullMs } = period;
  return {
    segment: { ...current, usageAtStart: last.usageAtStart },
    earlier,
    unpaidMilli: unpaidMilli(ended, current, earlier, { fullMs, exponent: rules.exponent }),
    caps: capsOf(standing, rules),
    rates: ratesFor(rules.taxes, customer),
    fullMs,
    exponent: rules.exponent,
  };
}

/** A segment as an invoice lists it: with its own usage and what grants add to the included amount. */
export interface BilledSegment extends Span, SegmentTerms {
  readonly usage: readonly UsageRow[];
  readonly grantedMilli: number;
}

/** @param usage of the period, as the ledger counts it. */
export function billedSegments(
  { segments, grants }: Pick<BillingStanding, "segments" | "grants">,
  usage: readonly UsageRow[],
): BilledSegment[] {
  const own = usageBySegment(segments, usage);
  const granted = grantedBySegment(segments, grants);
  return segments.map(({ startMs, endMs, tier, revision, terms }, index) => ({
    startMs,
    endMs,
    tier,
    revision,
    terms,
    usage: own[index] ?? [],
    grantedMilli: granted[index] ?? 0,
  }));
}

/** {@link billedSegments} as they are rated. */
export function ratableSegments(standing: BillingStanding, usage: readonly UsageRow[]): RatableSegment[] {
  return billedSegments(standing, usage).map(({ startMs, endMs, tier, terms, ...parts }) => ({
    startMs,
    endMs,
    tier,
    terms: compileTerms(terms),
    usage: parts.usage,
    grantedMilli: parts.grantedMilli,
  }));
}

function rated(
  standing: BillingStanding,
  rules: BillingRules,
  segments: readonly RatableSegment[],
): readonly Line[] {
  const { exponent } = rules;
  return ratePeriod(segments, {
    fullMs: standing.period.fullMs,
    exponent,
    ceilings: billCeilings(standing, rules),
  });
}

/** What the bill is cut to: the caps, or what had already accrued when one of them was set. */
export function billCeilings(standing: BillingStanding, rules: BillingRules): Ceilings {
  const ceilings = ceilingsOf(
    capsOf(standing, rules),
    ratesFor(rules.taxes, standing.customer),
    rules.exponent,
  );
  const { keptMinor } = standing;
  const { overageMinor } = ceilings;
  const isKept = keptMinor !== null && overageMinor !== null && keptMinor > overageMinor;
  return isKept ? { ...ceilings, overageMinor: keptMinor } : ceilings;
}

/** The balance counts in mode `prepaid` only (ceiling.ts). */
function capsOf({ budget, credits, period }: BillingStanding, { spendCap }: BillingRules): Caps {
  return { spendCap, budget, balanceMinor: balanceMinor(credits, period) };
}
