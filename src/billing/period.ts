/**
 * The billing period of an account: a UTC month from its anchor day, or the rest of one.
 *
 * Each period begins where the one before ends, so no moment is billed twice or never. Its end is computed from the anchor day, not from
 * its start, so the 31st does not drift: January 31, February 28, March 31. A new anchor day applies from the next period on; the first
 * period after it is a stub that runs to the new anchor. Time zones affect display only.
 *
 * Pure: no I/O and no clock.
 */
import { periodAt, type Span } from "../core/calendar.ts";

/** A billing period [startMs, endMs). Unix milliseconds. */
export interface Period extends Span {
  /** Length of the whole month that the period is, or is a part of: the denominator of proration. */
  readonly fullMs: number;
}

/**
 * The period that begins at `startMs`: a whole month if that is where a month of the anchor day begins, else the rest of the month.
 * So it is the next period if called with the end of the last one, and the first period of a new account.
 * @param anchorDay 1 to 31.
 */
export function periodFrom(startMs: number, anchorDay: number): Period {
  const month = periodAt("month", startMs, anchorDay);
  return { startMs, endMs: month.endMs, fullMs: month.endMs - month.startMs };
}

/** The period, ended early: its account is deleted at `atMs`. */
export function endedAt(period: Period, atMs: number): Period {
  return { ...period, endMs: Math.min(period.endMs, Math.max(period.startMs, atMs)) };
}
