/**
 * A naive calendar: lists the days one by one from 1 January 1970, with month lengths from a table and the leap-year rule spelled
 * out. Finds periods by walking from day to day.
 *
 * Reference for calendar.ts. Never uses Date and never imports the code under test.
 */
import { DAY_MS, HOUR_MS } from "../../src/core/time.ts";
const FIRST_YEAR = 1970;
const LAST_YEAR = 3500;
const MONTH_LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** One calendar day. */
export interface Day {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
  readonly daysInMonth: number;
}

/** [startMs, endMs) */
export interface WalkedSpan {
  readonly startMs: number;
  readonly endMs: number;
}

export function isLeapYear(year: number): boolean {
  if (year % 400 === 0) return true;
  if (year % 100 === 0) return false;
  return year % 4 === 0;
}

const DAYS: readonly Day[] = writtenDown();

function writtenDown(): Day[] {
  const days: Day[] = [];
  for (let year = FIRST_YEAR; year <= LAST_YEAR; year++) {
    MONTH_LENGTHS.forEach((length, index) => {
      const daysInMonth = index === 1 && isLeapYear(year) ? 29 : length;
      for (let day = 1; day <= daysInMonth; day++) days.push({ year, month: index + 1, day, daysInMonth });
    });
  }
  return days;
}

function dayNumbered(number: number): Day {
  const day = DAYS[number];
  if (day === undefined) throw new RangeError(`the calendar has no day ${number}`);
  return day;
}

/** Unix time of the first millisecond of a date. */
export function dateMs(year: number, month: number, day: number): number {
  const number = DAYS.findIndex((each) => each.year === year && each.month === month && each.day === day);
  if (number < 0) throw new RangeError(`there is no ${year}-${month}-${day}`);
  return number * DAY_MS;
}

/** The period that contains `atMs`, found by walking. */
export function walkedPeriod(period: "hour" | "day" | "month", atMs: number, anchorDay: number): WalkedSpan {
  const today = Math.floor(atMs / DAY_MS);
  if (period === "day") return { startMs: today * DAY_MS, endMs: (today + 1) * DAY_MS };
  if (period === "hour") {
    let startMs = today * DAY_MS;
    while (startMs + HOUR_MS <= atMs) startMs += HOUR_MS;
    return { startMs, endMs: startMs + HOUR_MS };
  }
  let first = today;
  while (!isAnchor(dayNumbered(first), anchorDay)) first--;
  let next = today + 1;
  while (!isAnchor(dayNumbered(next), anchorDay)) next++;
  return { startMs: first * DAY_MS, endMs: next * DAY_MS };
}

/** Whether a month's period begins on this day: the anchor day, or the last day of a month that is shorter. */
function isAnchor({ day, daysInMonth }: Day, anchorDay: number): boolean {
  return day === anchorDay || (day === daysInMonth && anchorDay > daysInMonth);
}
