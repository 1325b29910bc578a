/**
 * The billing period of one account as it is stored, and what changes it: terms, a trial's end, the next month, an early end.
 *
 * Each function returns a new value, which the account's object stores with the state of the same moment: a segment begins at usage that
 * the ledger has, so a crash cannot leave it ahead of the ledger.
 *
 * Pure: no I/O and no clock.
 */
import { keptCeilingMinor } from "./ceiling.ts";
import { endedAt, type Period, periodFrom } from "./period.ts";
import {
  cut,
  endSegments,
  type IncludedGrant,
  MAX_SEGMENTS,
  openSegments,
  type Segment,
  type SegmentTerms,
} from "./segment.ts";
import type { UsageRow } from "./usage.ts";

/** What all bills of a deployment have in common while a period begins. */
export interface PeriodRules {
  readonly currency: string;
  /** 1 to 31: the account's own, or the policy's. */
  readonly anchorDay: number;
}

export interface BilledPeriod extends PeriodRules {
  readonly period: Period;
  /** At least one; the last is the current one, or was when the period ended. */
  readonly segments: readonly Segment[];
  /** The account's grants that overlap the period, also those that have ended. */
  readonly grants: readonly IncludedGrant[];
  /** The lower of spend cap and budget that was last in force: the bill is cut to it. null: none. */
  readonly capMinor: bigint | null;
  /** What overage had come to when a cap was set below it (`keptCeilingMinor`); null: never. */
  readonly keptMinor: bigint | null;
  /**
   * Usage at an early end, within an hour whose later usage belongs to nobody or to the next period; null: what the ledger has of the
   * period's hours.
   */
  readonly usageAtEnd: readonly UsageRow[] | null;
}

/** Why terms were not changed. */
export type TermsChange =
  | { readonly kind: "changed"; readonly billed: BilledPeriod }
  | { readonly kind: "too-many-segments" };

/**
 * A segment that a trial's end may need: other changes leave it free. So the end of a trial never fails, and no period has more than
 * {@link MAX_SEGMENTS}.
 */
const LAST_SEGMENT = 1;

/** The period that begins at `startMs`. @param usage of its hours before `startMs`: of the hour in which billing begins. */
export function openPeriod(
  startMs: number,
  { currency, anchorDay }: PeriodRules,
  terms: SegmentTerms,
  grants: readonly IncludedGrant[],
  usage: readonly UsageRow[] = [],
): BilledPeriod {
  const period = periodFrom(startMs, anchorDay);
  const segments = openSegments(period, terms, usage);
  return {
    currency,
    anchorDay,
    period,
    segments,
    grants: overlapping(grants, period),
    capMinor: null,
    keptMinor: null,
    usageAtEnd: null,
  };
}

/** The period with these terms from `atMs` on. @param usage of the period at that moment. */
export function changeTerms(
  billed: BilledPeriod,
  atMs: number,
  terms: SegmentTerms,
  usage: readonly UsageRow[],
): TermsChange {
  if (billed.segments.length >= MAX_SEGMENTS - LAST_SEGMENT) return { kind: "too-many-segments" };
  return cutAt(billed, atMs, terms, usage);
}

/** As {@link changeTerms}, for the end of a trial. */
export function endTrial(
  billed: BilledPeriod,
  atMs: number,
  terms: SegmentTerms,
  usage: readonly UsageRow[],
): BilledPeriod {
  const ended = cutAt(billed, atMs, terms, usage);
  if (ended.kind === "too-many-segments") throw new RangeError("two trials in one period");
  return ended.billed;
}

/** The period, ended at `atMs` if it would last longer. @param usage of the period at that moment. */
export function endPeriod(billed: BilledPeriod, atMs: number, usage: readonly UsageRow[]): BilledPeriod {
  if (atMs >= billed.period.endMs) return billed;
  // A clock that has stepped back since the last change must not end the period before that.
  const period = endedAt(billed.period, Math.max(atMs, lastSegment(billed).startMs));
  return { ...billed, period, segments: endSegments(billed.segments, period), usageAtEnd: usage };
}

/** The period with the account's grants as they are now. */
export function withGrants(billed: BilledPeriod, grants: readonly IncludedGrant[]): BilledPeriod {
  return { ...billed, grants: overlapping(grants, billed.period) };
}

/**
 * The period under another cap.
 * @param accruedMinor what overage comes to under the cap so far.
 */
export function withCap(billed: BilledPeriod, capMinor: bigint | null, accruedMinor: bigint): BilledPeriod {
  if (capMinor === billed.capMinor) return billed;
  const ceilingMinor = keptCeilingMinor(capMinor, accruedMinor);
  return { ...billed, capMinor, keptMinor: ceilingMinor === capMinor ? null : ceilingMinor };
}

/** The current segment. */
export function lastSegment({ segments }: Pick<BilledPeriod, "segments">): Segment {
  const last = segments.at(-1);
  if (last === undefined) throw new RangeError("a period without a segment");
  return last;
}

function cutAt(
  billed: BilledPeriod,
  atMs: number,
  terms: SegmentTerms,
  usage: readonly UsageRow[],
): TermsChange {
  const result = cut(billed.segments, atMs, terms, usage);
  return result.kind === "cut"
    ? { kind: "changed", billed: { ...billed, segments: result.segments } }
    : result;
}

function overlapping(grants: readonly IncludedGrant[], { startMs, endMs }: Period): IncludedGrant[] {
  return grants.filter(({ fromMs, untilMs }) => fromMs < endMs && untilMs > startMs);
}
