/** Numbers, moments and ranges in words: one way to write each. */
import { expect, test } from "vitest";
import {
  ago,
  count,
  counted,
  duration,
  milliseconds,
  percent,
  range,
  rate,
} from "../../dashboard/src/shell/format.ts";
import { momentText, shortMoment, utcText } from "../../dashboard/src/shell/moment.ts";

const NOON_MS = Date.UTC(2026, 10, 30, 12);
const HOUR_MS = 3_600_000;

test("writes counts, rates and shares with their units, without digits that were not measured", () => {
  expect([0, 12 / 3_600, 9_999, 12_345].map(count)).toEqual(["0", "0.0033", "9,999", "12.3K"]);
  expect([0, 0.001, 0.5, 3.25].map(rate)).toEqual(["0/s", "< 0.1/min", "30/min", "3.3/s"]);
  const shares = [percent(1, 3), percent(1, 5_000), percent(4_999, 5_000), percent(1, 1), percent(0, 7)];
  expect(shares).toEqual(["33.3 %", "< 0.1 %", "> 99.9 %", "100 %", "0 %"]);
});

test("writes a noun as one if there is one", () => {
  expect([0, 1, 2, 12_345].map((value) => counted(value, "request"))).toEqual([
    "0 requests",
    "1 request",
    "2 requests",
    "12.3K requests",
  ]);
});

test("writes whole milliseconds, because a Worker's clock has no finer ones", () => {
  expect([0, 0.5, 9, 12.4, 9_999, 12_345].map(milliseconds)).toEqual([
    "< 1 ms",
    "< 1 ms",
    "9 ms",
    "12 ms",
    "9,999 ms",
    "12 s",
  ]);
});

test("shows what is missing as a dash, never as zero", () => {
  expect([percent(0, 0), milliseconds(undefined), milliseconds(null)]).toEqual(["–", "–", "–"]);
});

test("writes a moment with 24 hours in the viewer's zone, and in UTC with the zone's name on hover", () => {
  expect(momentText(NOON_MS, NOON_MS, "UTC")).toBe("30 Nov 12:00:00");
  expect(momentText(NOON_MS + 12 * HOUR_MS, NOON_MS, "America/New_York")).toBe("30 Nov 19:00:00");
  expect(momentText(Date.UTC(2025, 8, 1), NOON_MS, "UTC")).toBe("1 Sep 2025 00:00:00");
  expect(shortMoment(Date.UTC(2025, 8, 1), NOON_MS, "UTC")).toBe("1 Sep 2025 00:00");
  expect(utcText(NOON_MS, "UTC")).toBe("2026-11-30 12:00:00 UTC");
  expect(utcText(NOON_MS, "Europe/Berlin")).toBe("2026-11-30 12:00:00 UTC, shown in Europe/Berlin");
});

test("writes a range once: its day, both days, or the seconds if there are any", () => {
  const of = (from: number, to: number, nowMs = NOON_MS) => range(from, to, nowMs, "UTC");
  expect(of(NOON_MS - HOUR_MS, NOON_MS)).toBe("30 Nov 11:00 – 12:00");
  expect(of(NOON_MS - 24 * HOUR_MS, NOON_MS)).toBe("29 Nov 12:00 – 30 Nov 12:00");
  expect(of(NOON_MS, NOON_MS + 1_500)).toBe("30 Nov 12:00:00 – 12:00:01");
  expect(of(NOON_MS - HOUR_MS, NOON_MS, NOON_MS + 9_000 * HOUR_MS)).toBe("30 Nov 2026 11:00 – 12:00");
});

test("never writes a duration as 0 that is not", () => {
  expect([0, 30, 400, 1_500, 119_000, 120_000].map(duration)).toEqual([
    "0 s",
    "< 0.1 s",
    "0.4 s",
    "1.5 s",
    "119 s",
    "2 min",
  ]);
});

test("says how long ago in the largest unit that has at least two", () => {
  const of = (agoMs: number) => ago(NOON_MS - agoMs, NOON_MS);
  expect([of(0), of(1_000), of(119_000), of(125_000), of(50 * HOUR_MS)]).toEqual([
    "now",
    "1 s ago",
    "119 s ago",
    "2 min ago",
    "2 days ago",
  ]);
});
