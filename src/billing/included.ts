/** The included amount of a segment: what the base fee covers, in the bill and in the limit alike. */
import type { Span } from "../core/calendar.ts";
import { prorateIncludedMilli, shareOf } from "./prorate.ts";
import type { CompiledTerms } from "./terms.ts";

/** A segment, as far as its included amount depends on it. If it is the current one, its end is the period's. */
export interface SegmentAllowance extends Pick<Span, "startMs" | "endMs"> {
  readonly terms: CompiledTerms;
  /** What grants add (`grantedBySegment`). */
  readonly grantedMilli: number;
}

/** What may be used without a charge: the included amount, but for what earlier segments have used in its place (`unpaidMilli`). */
export function freeMilli(segment: SegmentAllowance, fullMs: number, unpaidMilli: number): number {
  return Math.max(0, includedMilli(segment, fullMs) - unpaidMilli);
}

/** The segment's share of the plan's included amount, rounded up to a millitoken, and what grants add, unprorated. */
export function includedMilli(segment: SegmentAllowance, fullMs: number): number {
  const share = shareOf(segment, fullMs);
  return prorateIncludedMilli(segment.terms.quota?.includedMilli ?? 0, share) + segment.grantedMilli;
}
