/**
 * Segments: a period as stretches of time under one set of terms each, without gaps or overlaps.
 *
 * A change of terms within a period ends one segment and begins the next, at the usage counted so far. Nothing is reset: each segment's
 * usage is the difference of two sums of the ledger, so the segments add up to it (usage.ts). A segment whose end is not known yet runs
 * to the period's end.
 *
 * Pure: takes and returns lists, which the account's object stores.
 */
import type { Span } from "../core/calendar.ts";
import type { Period } from "./period.ts";
import type { Terms } from "./terms.ts";
import { type UsageRow, usageBetween } from "./usage.ts";

/** What a segment is rated by. */
export interface SegmentTerms {
  readonly tier: string;
  /** The policy's revision that the terms were copied from. */
  readonly revision: number;
  readonly terms: Terms;
}

/** A segment as it is stored. */
export interface Segment extends Span, SegmentTerms {
  /** Usage of the period before the segment: what the ledger says at its start. */
  readonly usageAtStart: readonly UsageRow[];
}

/** The result of a cut. At {@link MAX_SEGMENTS}, nothing changes and the caller responds with 409. */
export type Cut =
  | { readonly kind: "cut"; readonly segments: readonly Segment[] }
  | { readonly kind: "too-many-segments" };

/** Bounds an invoice and the work of rating it: two changes a day for a month. */
export const MAX_SEGMENTS = 64;

/** The segments of a new period: one. `usageAtStart` is empty unless billing begins within an hour that has usage. */
export function openSegments(
  { startMs, endMs }: Period,
  terms: SegmentTerms,
  usageAtStart: readonly UsageRow[] = [],
): readonly Segment[] {
  return [segmentOf(startMs, endMs, terms, usageAtStart)];
}

/**
 * New terms from `atMs` on. A clock that steps back, or a second change in the same millisecond, replaces the last segment's terms
 * instead: a segment without time would include nothing.
 * @param usage usage of the period at `atMs`, as the ledger counts it.
 * @throws RangeError if the period is over at `atMs`: open the next one first.
 */
export function cut(
  segments: readonly Segment[],
  atMs: number,
  terms: SegmentTerms,
  usage: readonly UsageRow[],
): Cut {
  const last = lastOf(segments);
  if (atMs >= last.endMs) throw new RangeError("a cut after the period's end");
  const before = segments.slice(0, -1);
  if (atMs <= last.startMs) {
    const replaced = segmentOf(last.startMs, last.endMs, terms, last.usageAtStart);
    return { kind: "cut", segments: [...before, replaced] };
  }
  if (segments.length >= MAX_SEGMENTS) return { kind: "too-many-segments" };
  const next = segmentOf(atMs, last.endMs, terms, usage);
  return { kind: "cut", segments: [...before, { ...last, endMs: atMs }, next] };
}

/** The segments of a period that ends early ({@link endedAt}). */
export function endSegments(segments: readonly Segment[], { endMs }: Period): readonly Segment[] {
  const last = lastOf(segments);
  return [...segments.slice(0, -1), { ...last, endMs: Math.max(last.startMs, Math.min(last.endMs, endMs)) }];
}

/**
 * The usage of each segment alone.
 * @param usageAtEnd usage of the period: so far, or, to close it, at its end.
 */
export function usageBySegment(segments: readonly Segment[], usageAtEnd: readonly UsageRow[]): UsageRow[][] {
  return segments.map(({ usageAtStart }, index) =>
    usageBetween(usageAtStart, segments[index + 1]?.usageAtStart ?? usageAtEnd),
  );
}

/** An account's grant of more included usage. */
export interface IncludedGrant {
  /** Name of the quota. */
  readonly limit: string;
  readonly amountMilli: number;
  /** In force from `fromMs` until before `untilMs`. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * What grants add to the included amount of each segment, unprorated: a grant counts once per period, in the first segment that it
 * overlaps and whose quota has its name, until that segment ends, even if the grant ends before.
 */
export function grantedBySegment(segments: readonly Segment[], grants: readonly IncludedGrant[]): number[] {
  const granted = segments.map(() => 0);
  for (const { limit, amountMilli, fromMs, untilMs } of grants) {
    const first = segments.findIndex(
      ({ startMs, endMs, terms }) => terms.quota?.name === limit && startMs < untilMs && fromMs < endMs,
    );
    if (first >= 0) granted[first] = (granted[first] ?? 0) + amountMilli;
  }
  return granted;
}

/** Field by field, so that nothing else of `terms` is stored. */
function segmentOf(
  startMs: number,
  endMs: number,
  { tier, revision, terms }: SegmentTerms,
  usageAtStart: readonly UsageRow[],
): Segment {
  return { startMs, endMs, tier, revision, terms, usageAtStart };
}

function lastOf(segments: readonly Segment[]): Segment {
  const last = segments.at(-1);
  if (last === undefined) throw new RangeError("a period without a segment");
  return last;
}
