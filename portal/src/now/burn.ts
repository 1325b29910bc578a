/** The lines of the burn-down: usage added up over the period, and what is expected until its end. Pure: no clock, no I/O. */
import { DAY_MS } from "../../../dashboard/src/shell/durations.ts";
import type { Forecast } from "../portal-api.ts";

export const BURN_WIDTH = 300;
export const BURN_HEIGHT = 90;
/** The top of the drawing relative to the highest value. */
const ROOM = 1.08;

interface DayUsage {
  /** The beginning of the day, Unix ms. */
  readonly atMs: number;
  readonly cost: number;
}

export interface BurnInput {
  readonly startMs: number;
  readonly endMs: number;
  readonly nowMs: number;
  /** Since the period began. */
  readonly used: number;
  readonly included: number;
  /** Where requests stop; null if they never do. */
  readonly amount: number | null;
  readonly days: readonly DayUsage[];
  readonly forecast: Forecast | null;
}

interface BurnLines {
  /** SVG path data in BURN_WIDTH by BURN_HEIGHT; "" for none. */
  readonly past: string;
  readonly expected: string;
  readonly band: string;
  /** Heights of the horizontal lines; null for those outside the drawing. */
  readonly includedY: number | null;
  readonly stopY: number | null;
  /** The end of each day, or now, with what was used until then. */
  readonly points: readonly { readonly atMs: number; readonly used: number }[];
}

export function burnLines(input: BurnInput): BurnLines {
  const { startMs, endMs, nowMs, used, included, amount, forecast } = input;
  const points = pointsOf(input);
  const top = ROOM * Math.max(1, used, included, forecast?.usage.high ?? 0);
  const x = (ms: number) => round(((ms - startMs) / Math.max(1, endMs - startMs)) * BURN_WIDTH);
  const y = (tokens: number) => round(BURN_HEIGHT * (1 - tokens / top));
  const line = (at: readonly (readonly [ms: number, tokens: number])[]) =>
    `M${at.map(([ms, tokens]) => `${x(ms)},${y(tokens)}`).join("L")}`;
  const now = [nowMs, used] as const;
  const inside = (tokens: number | null) =>
    tokens !== null && tokens > 0 && tokens <= top ? y(tokens) : null;
  return {
    points,
    past: line([[startMs, 0], ...points.map(({ atMs, used: until }) => [atMs, until] as const)]),
    expected: forecast ? line([now, [endMs, forecast.usage.expected]]) : "",
    band: forecast ? `${line([now, [endMs, forecast.usage.low], [endMs, forecast.usage.high]])}Z` : "",
    includedY: inside(included),
    stopY: amount === included ? null : inside(amount),
  };
}

/** Computed backwards from what is used now, since that figure is newer than the days. */
function pointsOf({ startMs, nowMs, used, days }: BurnInput): BurnLines["points"] {
  const points = [{ atMs: nowMs, used }];
  let left = used;
  const newestFirst = days
    .filter(({ atMs }) => atMs + DAY_MS > startMs && atMs < nowMs)
    .toSorted((a, b) => b.atMs - a.atMs);
  let from = nowMs;
  for (const { atMs, cost } of newestFirst) {
    // Days without usage are a horizontal line.
    if (atMs + DAY_MS < from) points.push({ atMs: atMs + DAY_MS, used: left });
    left = Math.max(0, left - cost);
    // The line begins there, with nothing used.
    if (atMs > startMs) points.push({ atMs, used: left });
    from = atMs;
  }
  return points.toReversed();
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
