/** What is left of a period, and expected usage spread over routes and units. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantityMilli, usageBetween, type UsageRow } from "../../src/billing/usage.ts";
import { horizonUntil, withUsageAhead } from "../../src/billing/usage-ahead.ts";
import { MAX_EXACT } from "../../src/core/units.ts";

describe("what is left of a period", () => {
  const END = "2026-02-01T00:00:00Z";

  it.each([
    ["2026-01-01T00:00:00Z", { restOfToday: 1, daysAfter: 30 }],
    ["2026-01-30T06:00:00Z", { restOfToday: 0.75, daysAfter: 1 }],
    ["2026-01-31T12:00:00Z", { restOfToday: 0.5, daysAfter: 0 }],
    ["2026-01-31T23:59:59.999Z", { restOfToday: 1 / 86_400_000, daysAfter: 0 }],
    ["2026-02-01T00:00:00Z", null],
    ["2026-02-03T00:00:00Z", null],
  ])("at %s", (now, left) => {
    expect(horizonUntil(Date.parse(END), Date.parse(now))).toEqual(left);
  });
});

const of = (route: string, unit: string, count: number, costMilli: number): UsageRow => ({
  route,
  unit,
  count,
  costMilli,
});

describe("usage ahead", () => {
  const shares = [
    of("/a", "requests", 30, 30_000),
    of("/b", "requests", 5, 10_000),
    of("/b", "tokens", 0, 700_000),
    of("/free", "requests", 8, 0),
  ];

  it("keeps the shares of routes, of other units, and of requests that cost nothing", () => {
    expect(withUsageAhead([of("/a", "requests", 1, 1_000)], shares, "requests", 80_000)).toEqual([
      of("/a", "requests", 61, 61_000),
      of("/b", "requests", 10, 20_000),
      of("/b", "tokens", 0, 1_400_000),
      of("/free", "requests", 16, 0),
    ]);
    expect(withUsageAhead([], shares, "tokens", 70_000)).toEqual([
      of("/a", "requests", 3, 3_000),
      of("/b", "requests", 0, 1_000),
      of("/b", "tokens", 0, 70_000),
    ]);
  });

  it("is of no route if there is nothing to take shares from", () => {
    expect(withUsageAhead([], [], "requests", 5_000)).toEqual([of("", "requests", 0, 5_000)]);
  });

  it("changes nothing if none is expected", () => {
    const soFar = [of("/a", "requests", 1, 1_000)];
    expect(withUsageAhead(soFar, shares, "requests", 0)).toBe(soFar);
  });

  const rows = fc
    .uniqueArray(
      fc.record({
        route: fc.constantFrom("", "/a", "/b"),
        unit: fc.constantFrom("requests", "tokens", "images"),
        count: fc.nat(),
        costMilli: fc.oneof(fc.nat(), fc.constant(0), fc.integer({ min: 0, max: MAX_EXACT / 16 })),
      }),
      { selector: ({ route, unit }) => `${route} ${unit}` },
    )
    .map((list) => list.filter(({ count, costMilli }) => count > 0 || costMilli > 0));

  it("is exactly so much of the unit, never less than before, and exact in all units", () => {
    const amount = fc.oneof(fc.nat(), fc.integer({ min: 0, max: MAX_EXACT / 4 }));
    fc.assert(
      fc.property(rows, rows, amount, (soFar, like, milli) => {
        const after = withUsageAhead(soFar, like, "requests", milli);
        const added = usageBetween(soFar, after);
        expect(quantityMilli(added, null, "requests")).toBe(milli);
        for (const unit of ["tokens", "images", "count"]) quantityMilli(after, null, unit);
        const keys = after.map(({ route, unit }) => `${route} ${unit}`);
        expect(new Set(keys).size).toBe(keys.length);
      }),
    );
  });
});
