/** ISO weeks of usage reports, against the calendar. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { usagePeriodAt } from "../../src/api/accounts/usage-period.ts";
import { DAY_MS } from "../../src/core/time.ts";

/** "2026-11-23 to 2026-11-30" */
function week(moment: string): string {
  const { startMs, endMs } = usagePeriodAt("week", Date.parse(moment), 15);
  return [startMs, endMs].map((ms) => new Date(ms).toISOString().slice(0, 10)).join(" to ");
}

it.each([
  ["2026-11-29T23:59:59.999Z", "2026-11-23 to 2026-11-30"],
  ["2026-11-30T00:00:00.000Z", "2026-11-30 to 2026-12-07"],
  // The first weeks of 2026 and 2027 begin in the years before.
  ["2026-01-01T12:00:00.000Z", "2025-12-29 to 2026-01-05"],
  ["2027-01-03T23:00:00.000Z", "2026-12-28 to 2027-01-04"],
  ["1970-01-01T00:00:00.000Z", "1969-12-29 to 1970-01-05"],
  ["0001-01-01T00:00:00.000Z", "0001-01-01 to 0001-01-08"],
])("%s is in the week %s", (moment, expected) => {
  expect(week(moment)).toBe(expected);
});

it("a week begins on Monday at midnight UTC, has seven days, and contains the moment", () => {
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(1, 0), max: Date.UTC(9998, 0) }), (atMs) => {
      const { startMs, endMs } = usagePeriodAt("week", atMs, 1);
      expect([new Date(startMs).getUTCDay(), Math.abs(startMs % DAY_MS), endMs - startMs]).toEqual([
        1,
        0,
        7 * DAY_MS,
      ]);
      expect(startMs <= atMs && atMs < endMs).toBe(true);
    }),
  );
});
