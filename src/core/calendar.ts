/**
 * Calendar periods in UTC: the hour, the day, and the month that begins on an anchor day.
 *
 * Pure arithmetic on Unix time, which has no leap seconds; UTC has no daylight saving, so hours and days have one length.
 * A month that is shorter than its anchor day begins on its last day: anchored to the 31st, February begins on the 28th or
 * 29th, and each instant belongs to exactly one period.
 */
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

export type CalendarPeriod = "hour" | "day" | "month";

/** A period [startMs, endMs) of Unix time. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** The period that `atMs` lies in. `anchorDay` (1 to 31) counts for months only. */
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

/** `monthIndex` may be -1 or 12: Date.UTC carries it into the neighbouring year. */
function monthStart(year: number, monthIndex: number, anchorDay: number): number {
  const lastDay = new Date(Date.UTC(year, monthIndex + 1, 0)).getUTCDate();
  return Date.UTC(year, monthIndex, Math.min(anchorDay, lastDay));
}
