/** The periods of usage reports: those of the calendar, and ISO weeks, which no limit has. Pure. */
import { periodAt, type Span } from "../../core/calendar.ts";
import { DAY_MS } from "../../core/time.ts";
import type { Granularity } from "../../objects/account.ts";

/** Unix time began on a Thursday. */
const FIRST_MONDAY_MS = 4 * DAY_MS;
const WEEK_MS = 7 * DAY_MS;

/** The period that contains `atMs`, in UTC. Weeks begin on Monday (ISO 8601); `anchorDay` applies to months only. */
export function usagePeriodAt(granularity: Granularity, atMs: number, anchorDay: number): Span {
  if (granularity !== "week") return periodAt(granularity, atMs, anchorDay);
  const startMs = Math.floor((atMs - FIRST_MONDAY_MS) / WEEK_MS) * WEEK_MS + FIRST_MONDAY_MS;
  return { startMs, endMs: startMs + WEEK_MS };
}
