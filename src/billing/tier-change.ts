/**
 * When a change of tier takes effect, and what a trial does to terms.
 *
 * An upgrade is in force at once, so that the customer gets what they pay for. A downgrade waits for the period's end, so that they get
 * what they have paid for. An account has one trial, in the first tier with trial days that it enters.
 *
 * Pure: no I/O and no clock.
 */
import { DAY_MS } from "../core/time.ts";
import { parsePrice } from "./money.ts";
import type { SegmentTerms } from "./segment.ts";
import { trialTerms } from "./terms.ts";

/** When a change of tier takes effect. */
export const CHANGE_TIMES = ["now", "period_end"] as const;
export type ChangeTime = (typeof CHANGE_TIMES)[number];

/** What a tier offers: its terms, and how long its trial is. */
export interface TierOffer extends SegmentTerms {
  /** 0: the tier has no trial. */
  readonly trialDays: number;
}

/** The time of a change that names none: now, unless the new base fee is lower. */
export function defaultTime(current: SegmentTerms, next: SegmentTerms): ChangeTime {
  return baseFemto(next) < baseFemto(current) ? "period_end" : "now";
}

/**
 * When the account's trial ends after it has entered a tier at `atMs`; null: it had none yet. A tier without a trial ends one that
 * runs: nothing would be left of it.
 * @param endsMs of the trial so far; null: none yet.
 */
export function trialEndMs(endsMs: number | null, { trialDays }: TierOffer, atMs: number): number | null {
  if (trialDays === 0) return endsMs === null ? null : Math.min(endsMs, atMs);
  return endsMs ?? atMs + trialDays * DAY_MS;
}

/** What a segment that begins at `atMs` is rated by. */
export function termsAt(
  { tier, revision, terms }: TierOffer,
  trialEndsMs: number | null,
  atMs: number,
): SegmentTerms {
  const isTrial = trialEndsMs !== null && atMs < trialEndsMs;
  return { tier, revision, terms: isTrial ? trialTerms(terms) : terms };
}

/** Whether a cut between them would change nothing but shares. Terms are plain JSON of one function, so their keys have one order. */
export function isSameTerms(a: SegmentTerms, b: SegmentTerms): boolean {
  return a.tier === b.tier && JSON.stringify(a.terms) === JSON.stringify(b.terms);
}

function baseFemto({ terms }: SegmentTerms): bigint {
  return parsePrice(terms.base) ?? 0n;
}
