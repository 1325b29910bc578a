/** Calendar periods in UTC: examples that a reader can check on a calendar, and the day-walking model for the rest. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CalendarPeriod, periodAt, type Span } from "../../src/core/calendar.ts";
import { dateMs, isLeapYear, walkedPeriod } from "./day-walk.ts";
import { DAY_MS } from "../../src/core/time.ts";

/** "2024-02-29 00:00:00.000 to 2024-03-01 00:00:00.000" */
function written({ startMs, endMs }: Span): string {
  return [startMs, endMs]
    .map((ms) => new Date(ms).toISOString().replace("T", " ").replace("Z", ""))
    .join(" to ");
}

/** "2024-02-29 to 2024-03-31": the month period, anchored to a day, that a moment lies in. */
function month(moment: string, anchorDay: number): string {
  const { startMs, endMs } = periodAt("month", Date.parse(moment), anchorDay);
  expect([startMs % DAY_MS, endMs % DAY_MS], "months begin at midnight").toEqual([0, 0]);
  return [startMs, endMs].map((ms) => new Date(ms).toISOString().slice(0, 10)).join(" to ");
}

describe("an hour and a day", () => {
  it("begin on the hour and at midnight UTC, and exclude their end", () => {
    const lastMs = Date.parse("2024-12-31T23:59:59.999Z");
    expect(written(periodAt("hour", lastMs))).toBe("2024-12-31 23:00:00.000 to 2025-01-01 00:00:00.000");
    expect(written(periodAt("day", lastMs))).toBe("2024-12-31 00:00:00.000 to 2025-01-01 00:00:00.000");
    expect(written(periodAt("hour", lastMs + 1))).toBe("2025-01-01 00:00:00.000 to 2025-01-01 01:00:00.000");
    expect(written(periodAt("day", lastMs + 1))).toBe("2025-01-01 00:00:00.000 to 2025-01-02 00:00:00.000");
  });

  it.each(["2024-03-10T07:30:00Z", "2024-03-31T01:30:00Z", "2024-10-27T01:30:00Z"])(
    "have one length while clocks somewhere are put forward or back (%s)",
    (night) => {
      const { startMs, endMs } = periodAt("day", Date.parse(night));
      expect(endMs - startMs).toBe(DAY_MS);
    },
  );
});

describe("a month", () => {
  it.each([
    ["2024-01-01T00:00:00.000Z", 1, "2024-01-01 to 2024-02-01"],
    ["2024-01-31T23:59:59.999Z", 1, "2024-01-01 to 2024-02-01"],
    ["2024-12-31T23:59:59.999Z", 1, "2024-12-01 to 2025-01-01"],
    // Across the turn of the year.
    ["2024-12-15T00:00:00.000Z", 15, "2024-12-15 to 2025-01-15"],
    ["2025-01-14T23:59:59.999Z", 15, "2024-12-15 to 2025-01-15"],
    ["2025-01-15T00:00:00.000Z", 15, "2025-01-15 to 2025-02-15"],
    ["2025-01-30T12:00:00.000Z", 31, "2024-12-31 to 2025-01-31"],
    // Periods of shorter months begin on their last day.
    ["2024-04-29T23:59:59.999Z", 31, "2024-03-31 to 2024-04-30"],
    ["2024-04-30T00:00:00.000Z", 31, "2024-04-30 to 2024-05-31"],
    ["2024-02-28T23:59:59.999Z", 30, "2024-01-30 to 2024-02-29"],
    ["2024-02-29T00:00:00.000Z", 30, "2024-02-29 to 2024-03-30"],
    // 28, 29: the leap years are 2000 and 2024, not 2023 and not 2100.
    ["2024-02-28T12:00:00.000Z", 29, "2024-01-29 to 2024-02-29"],
    ["2023-02-28T12:00:00.000Z", 29, "2023-02-28 to 2023-03-29"],
    ["2023-02-28T12:00:00.000Z", 28, "2023-02-28 to 2023-03-28"],
    ["2000-02-29T00:00:00.000Z", 31, "2000-02-29 to 2000-03-31"],
    ["2000-02-28T23:59:59.999Z", 31, "2000-01-31 to 2000-02-29"],
    ["2100-02-28T00:00:00.000Z", 31, "2100-02-28 to 2100-03-31"],
    ["2100-02-27T23:59:59.999Z", 31, "2100-01-31 to 2100-02-28"],
    ["2024-03-01T00:00:00.000Z", 29, "2024-02-29 to 2024-03-29"],
  ])("around %s, anchored to day %i, is %s", (moment, anchorDay, expected) => {
    // apache/apisix#9186
    expect(month(moment, anchorDay)).toBe(expected);
  });

  it("has as many days as the month it begins in if every month has the anchor day", () => {
    for (const year of [2000, 2023, 2024, 2100]) {
      const february = isLeapYear(year) ? 29 : 28;
      const lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
      for (const anchorDay of [1, 15, 28]) {
        const found = lengths.map((_, index) => {
          const { startMs, endMs } = periodAt("month", dateMs(year, index + 1, anchorDay), anchorDay);
          return (endMs - startMs) / DAY_MS;
        });
        expect(found).toEqual(lengths);
      }
    }
  });
});

describe("any period, at any instant, for any anchor", () => {
  const period = fc.constantFrom<CalendarPeriod[]>("hour", "day", "month");
  const anchorDay = fc.integer({ min: 1, max: 31 });
  /** 1971 to 2399, and often within 2 ms of a midnight around the end of a month. */
  const instant = fc.oneof(
    fc.integer({ min: DAY_MS * 365, max: Date.UTC(2400, 0) }),
    fc
      .tuple(
        fc.integer({ min: 1972, max: 2399 }),
        fc.nat(11),
        fc.integer({ min: -4, max: 3 }),
        fc.integer({ min: -2, max: 2 }),
      )
      .map(([year, index, days, ms]) => Date.UTC(year, index) + days * DAY_MS + ms),
  );

  it("equals a search from day to day", () => {
    fc.assert(
      fc.property(period, instant, anchorDay, (kind, atMs, anchor) => {
        expect(periodAt(kind, atMs, anchor)).toEqual(walkedPeriod(kind, atMs, anchor));
      }),
      { numRuns: 3_000 },
    );
  });

  it("contains the instant, without gap or overlap to its neighbours", () => {
    fc.assert(
      fc.property(period, instant, anchorDay, (kind, atMs, anchor) => {
        const span = periodAt(kind, atMs, anchor);
        expect(span.startMs).toBeLessThanOrEqual(atMs);
        expect(span.endMs).toBeGreaterThan(atMs);
        expect(periodAt(kind, span.startMs, anchor)).toEqual(span);
        expect(periodAt(kind, span.endMs - 1, anchor)).toEqual(span);
        expect(periodAt(kind, span.endMs, anchor).startMs).toBe(span.endMs);
        expect(periodAt(kind, span.startMs - 1, anchor).endMs).toBe(span.startMs);
      }),
      { numRuns: 1_000 },
    );
  });

  it("comes twelve times a year for any anchor", () => {
    for (let anchor = 1; anchor <= 31; anchor++) {
      let span = periodAt("month", dateMs(2023, 12, 31), anchor);
      const firstMs = span.startMs;
      for (let count = 0; count < 12 * 8; count++) span = periodAt("month", span.endMs, anchor);
      const [first, last] = [new Date(firstMs), new Date(span.startMs)];
      expect(last.getUTCFullYear() - first.getUTCFullYear()).toBe(8);
      expect([last.getUTCMonth(), last.getUTCDate()]).toEqual([first.getUTCMonth(), first.getUTCDate()]);
    }
  });
});
