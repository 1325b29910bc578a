/**
 * Calendar periods in UTC: the hour, the day, and the month that begins on an anchor day.
 *
 * Pure arithmetic on Unix time. In a month shorter than the anchor day, the period begins on the last day: anchored to the 31st, it
 * begins on February 28 or 29. Each instant belongs to exactly one period.
 */
import { DAY_MS, HOUR_MS } from "./time.ts";

export type CalendarPeriod = "hour" | "day" | "month";

/** A period [startMs, endMs) of Unix time. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** The period that contains `atMs`. `anchorDay` (1 to 31) applies to months only. */
export function periodAt(period: CalendarPeriod, atMs: number, anchorDay = 1): Span {
  switch (period) {
    case "hour":
      return fixed(atMs, HOUR_MS);
    case "day":
      return fixed(atMs, DAY_MS);
    case "month":
      return month(atMs, anchorDay);
  }
}

function fixed(atMs: number, lengthMs: number): Span {
  const startMs = Math.floor(atMs / lengthMs) * lengthMs;
  return { startMs, endMs: startMs + lengthMs };
}

function month(atMs: number, anchorDay: number): Span {
  const date = new Date(atMs);
  const year = date.getUTCFullYear();
  const index = date.getUTCMonth();
  const thisStartMs = monthStart(year, index, anchorDay);
  return atMs >= thisStartMs
    ? { startMs: thisStartMs, endMs: monthStart(year, index + 1, anchorDay) }
    : { startMs: monthStart(year, index - 1, anchorDay), endMs: thisStartMs };
}

/** `monthIndex` may be -1 or 12: `Date.UTC` carries it into the adjacent year. */
function monthStart(year: number, monthIndex: number, anchorDay: number): number {
  const lastDay = new Date(Date.UTC(year, monthIndex + 1, 0)).getUTCDate();
  return Date.UTC(year, monthIndex, Math.min(anchorDay, lastDay));
}
