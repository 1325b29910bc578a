/**
 * Rating: from the usage of a period's segments and their terms to lines.
 *
 * Each segment is rated by itself, in order; a cap counts what earlier segments charged. Each line is rounded once. The same function
 * serves the close of a period, the preview of a tier change and the amount accrued so far, so they cannot differ.
 *
 * Pure: no I/O and no clock. The same input gives the same lines forever.
 */
import { type Ceilings, roomMinor } from "./ceiling.ts";
import { includedMilli, type SegmentAllowance } from "./included.ts";
import { formatQuantity, formatSpan, type Line, pricedParts } from "./line.ts";
import { formatMinor, roundToMinor, sumOf } from "./money.ts";
import { prorateMinor, type Share, shareOf } from "./prorate.ts";
import { COUNT, quantityMilli, type UsageRow } from "./usage.ts";

/** A segment as it is rated. */
export interface RatableSegment extends SegmentAllowance {
  readonly tier: string;
  /** Of the segment alone (`usageBySegment`). */
  readonly usage: readonly UsageRow[];
}

/** What rating needs to know of the period and its currency. */
export interface RatingContext {
  /** Length of the whole month (`Period.fullMs`). */
  readonly fullMs: number;
  /** Of the currency (`exponentOf`). */
  readonly exponent: number;
  readonly ceilings: Ceilings;
}

/** The lines of a period, segment by segment. No base, no overage or no priced usage: no line. */
export function ratePeriod(segments: readonly RatableSegment[], context: RatingContext): Line[] {
  const lines: Line[] = [];
  segments.forEach((segment, index) => {
    lines.push(...rateSegment(segment, index, lines, context));
  });
  return lines;
}

/** @param earlier the lines of the period's earlier segments. */
function rateSegment(
  segment: RatableSegment,
  index: number,
  earlier: readonly Line[],
  context: RatingContext,
): Line[] {
  const share = shareOf(segment, context.fullMs);
  const lines = [
    ...baseLine(segment, index, share, context),
    ...overageLine(segment, index, earlier, context),
    ...usageLines(segment, index, context),
  ];
  return [...lines, ...minimumLine(segment, index, share, sumOf(lines), context)];
}

function baseLine(segment: RatableSegment, index: number, share: Share, { exponent }: RatingContext): Line[] {
  const { base, baseFemto } = segment.terms;
  if (baseFemto === 0n) return [];
  return [
    {
      ...NOT_USAGE,
      kind: "base",
      segment: index,
      description: `${segment.tier}: base fee, ${formatSpan(segment)}`,
      unitPrice: base,
      minor: prorateMinor(baseFemto, share, exponent),
    },
  ];
}

/** Usage beyond the included amount, cut to what a cap leaves. */
function overageLine(
  segment: RatableSegment,
  index: number,
  earlier: readonly Line[],
  { fullMs, exponent, ceilings }: RatingContext,
): Line[] {
  const { quota } = segment.terms;
  if (quota === null || quota.price === null) return [];
  const included = includedMilli(segment, fullMs);
  const overMilli = quantityMilli(segment.usage, null, quota.unit) - included;
  if (overMilli <= 0) return [];
  const { femto, ...parts } = pricedParts(quota.price, overMilli);
  const uncut = roundToMinor(femto, exponent);
  const room = roomMinor(quota.mode, ceilings, earlier);
  const isCut = room !== null && room < uncut;
  const beyond = `${quota.unit} beyond ${formatQuantity(BigInt(included))} included`;
  const cutNote = isCut ? `, cut from ${formatMinor(uncut, exponent)} to the cap` : "";
  return [
    {
      kind: "overage",
      segment: index,
      route: null,
      description: `${segment.tier}: ${beyond}, ${formatSpan(segment)}${cutNote}`,
      ...parts,
      minor: isCut ? room : uncut,
    },
  ];
}

function usageLines(segment: RatableSegment, index: number, { exponent }: RatingContext): Line[] {
  return segment.terms.prices.flatMap(({ route, of, price }): Line[] => {
    const milli = quantityMilli(segment.usage, route, of);
    if (milli === 0) return [];
    const { femto, ...parts } = pricedParts(price, milli);
    const what = of === COUNT ? "requests" : of;
    return [
      {
        kind: "usage",
        segment: index,
        route,
        description: `${segment.tier}: ${what} of ${route}, ${formatSpan(segment)}`,
        ...parts,
        minor: roundToMinor(femto, exponent),
      },
    ];
  });
}

/** What is missing to the minimum. Rounded once: the lines so far are whole minor units. */
function minimumLine(
  segment: RatableSegment,
  index: number,
  share: Share,
  chargedMinor: bigint,
  { exponent }: RatingContext,
): Line[] {
  const { minimum, minimumFemto } = segment.terms;
  const missing = prorateMinor(minimumFemto, share, exponent) - chargedMinor;
  if (missing <= 0n) return [];
  return [
    {
      ...NOT_USAGE,
      kind: "minimum",
      segment: index,
      description: `${segment.tier}: up to the minimum, ${formatSpan(segment)}`,
      unitPrice: minimum,
      minor: missing,
    },
  ];
}

const NOT_USAGE = { route: null, quantity: null, detail: [] } as const;
