/** Periods, proration and segments: no drift, no gap, no overlap, nothing reset. */
import { describe, expect, it } from "vitest";
import { endedAt, periodFrom } from "../../src/billing/period.ts";
import { prorateIncludedMilli, prorateMinor, shareOf } from "../../src/billing/prorate.ts";
import {
  type Cut,
  cut,
  endSegments,
  grantedBySegment,
  MAX_SEGMENTS,
  openSegments,
  type Segment,
  usageBySegment,
} from "../../src/billing/segment.ts";
import { parseMoney } from "../../src/billing/money.ts";
import { termsOf } from "../../src/billing/terms.ts";
import { quantityMilli, type UsageRow, usageBetween } from "../../src/billing/usage.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/time.ts";

const JANUARY = Date.UTC(2026, 0);
const FULL = 31 * DAY_MS;

function termsIn(tier: string, amount = 1_000) {
  return { tier, revision: 1, terms: termsOf({ base: "10" }, { name: "month", amount }) };
}

function used(costMilli: number, route = "/a"): UsageRow {
  return { route, unit: "requests", count: costMilli / 1000, costMilli };
}

function segmentsOf(result: Cut): readonly Segment[] {
  if (result.kind !== "cut") throw new Error(result.kind);
  return result.segments;
}

const january = openSegments(periodFrom(JANUARY, 1), termsIn("free"));

describe("a period", () => {
  it("meets the one before, whatever anchor days an account has had", () => {
    let period = periodFrom(Date.UTC(2023, 4, 17, 9, 30), 31);
    for (const anchorDay of [31, 31, 1, 30, 29, 29, 15, 31, 28, 1, 1]) {
      const next = periodFrom(period.endMs, anchorDay);
      expect(next.startMs).toBe(period.endMs);
      expect(next.endMs).toBeGreaterThan(next.startMs);
      expect(next.endMs - next.startMs).toBeLessThanOrEqual(next.fullMs);
      period = next;
    }
  });

  it("is one stub after a new anchor day, then whole months again", () => {
    const stub = periodFrom(Date.UTC(2026, 1, 1), 20);
    expect([stub.endMs, stub.fullMs]).toEqual([Date.UTC(2026, 1, 20), 31 * DAY_MS]);
    const next = periodFrom(stub.endMs, 20);
    expect([next.endMs, next.endMs - next.startMs]).toEqual([Date.UTC(2026, 2, 20), next.fullMs]);
  });

  it("ends early if its account is deleted, never before it began, never later than its end", () => {
    const period = periodFrom(JANUARY, 1);
    expect(endedAt(period, JANUARY + 5).endMs).toBe(JANUARY + 5);
    expect(endedAt(period, JANUARY - 5).endMs).toBe(JANUARY);
    expect(endedAt(period, period.endMs + 5)).toEqual(period);
  });
});

describe("proration", () => {
  it("of 100 over 14 of 31 days is 45.16, and of 910 over 32 of 91 days 320.00", () => {
    const days = (part: number, full: number) => ({ partMs: part * DAY_MS, fullMs: full * DAY_MS });
    expect(prorateMinor(parseMoney("100")!, days(14, 31), 2)).toBe(4_516n);
    expect(prorateMinor(parseMoney("910.00")!, days(32, 91), 2)).toBe(32_000n);
  });

  it("rounds the included amount up, to a millitoken, and leaves a whole period as it is", () => {
    expect(prorateIncludedMilli(1_000_000_000, { partMs: 14 * DAY_MS, fullMs: FULL })).toBe(451_612_904);
    expect(prorateIncludedMilli(500, { partMs: FULL, fullMs: FULL })).toBe(500);
    expect(prorateIncludedMilli(1, { partMs: 1, fullMs: FULL })).toBe(1);
    expect(prorateIncludedMilli(2 ** 50, { partMs: FULL - 1, fullMs: FULL })).toBeLessThan(2 ** 50);
  });

  it("buys an hour's allowance with an hour's upgrade", () => {
    const hour = shareOf({ startMs: JANUARY, endMs: JANUARY + HOUR_MS }, FULL);
    expect(prorateIncludedMilli(744_000, hour)).toBe(1_000);
  });
});

describe("a cut", () => {
  it("ends one segment where the next begins, and divides the usage between them", () => {
    const middle = JANUARY + 10 * DAY_MS;
    const segments = segmentsOf(cut(january, middle, termsIn("pro"), [used(5_000)]));
    expect(segments.map(({ tier, startMs, endMs }) => [tier, startMs, endMs])).toEqual([
      ["free", JANUARY, middle],
      ["pro", middle, JANUARY + FULL],
    ]);
    expect(usageBySegment(segments, [used(12_000), used(1_000, "/b")])).toEqual([
      [used(5_000)],
      [used(7_000), used(1_000, "/b")],
    ]);
  });

  it("in the same millisecond, or by a clock that stepped back, replaces the terms and adds no segment", () => {
    const once = segmentsOf(cut(january, JANUARY + DAY_MS, termsIn("pro"), [used(1_000)]));
    for (const atMs of [JANUARY + DAY_MS, JANUARY + 1, JANUARY - DAY_MS]) {
      const twice = segmentsOf(cut(once, atMs, termsIn("max"), [used(3_000)]));
      expect(twice.map(({ tier }) => tier)).toEqual(["free", "max"]);
      expect(usageBySegment(twice, [used(4_000)])).toEqual([[used(1_000)], [used(3_000)]]);
    }
  });

  it("is rejected at 64 segments, and changes nothing", () => {
    let segments = january;
    for (let index = 1; index < MAX_SEGMENTS; index++) {
      segments = segmentsOf(
        cut(segments, JANUARY + index * HOUR_MS, termsIn(`t${index}`), [used(index * 1_000)]),
      );
    }
    expect(segments).toHaveLength(64);
    expect(cut(segments, JANUARY + 100 * HOUR_MS, termsIn("pro"), [used(99_000)])).toEqual({
      kind: "too-many-segments",
    });
    const usage = usageBySegment(segments, [used(64_000)]);
    expect(usage.every((rows) => quantityMilli(rows, null, "requests") === 1_000)).toBe(true);
  });

  it("after the period's end is an error: the next period must be opened first", () => {
    expect(() => cut(january, JANUARY + FULL, termsIn("pro"), [])).toThrow(RangeError);
  });

  it("stores nothing of its caller's objects but its own fields", () => {
    const extra = { ...termsIn("pro"), secret: "x" };
    const [, last] = segmentsOf(cut(january, JANUARY + 1, extra, []));
    expect(Object.keys(last!).toSorted()).toEqual([
      "endMs",
      "revision",
      "startMs",
      "terms",
      "tier",
      "usageAtStart",
    ]);
  });

  it("leaves the last segment open to the period's end, or to an earlier one", () => {
    const ended = endSegments(january, endedAt(periodFrom(JANUARY, 1), JANUARY + DAY_MS));
    expect(ended.at(-1)!.endMs).toBe(JANUARY + DAY_MS);
    expect(() => endSegments([], periodFrom(JANUARY, 1))).toThrow(RangeError);
  });
});

describe("usage", () => {
  it("never becomes less: a lost or smaller row is an error, not a credit", () => {
    expect(() => usageBetween([used(2_000)], [used(1_000)])).toThrow("has become less");
    expect(() => usageBetween([used(2_000)], [])).toThrow("is gone");
  });

  it("is listed by route and unit, in one order everywhere", () => {
    const rows = [used(1_000, "/b"), { ...used(1_000, "/a"), unit: "tokens", count: 0 }, used(1_000, "/a")];
    expect(usageBetween([], rows).map(({ route, unit }) => `${route} ${unit}`)).toEqual([
      "/a requests",
      "/a tokens",
      "/b requests",
    ]);
  });

  it("counts each request once, whatever units it used", () => {
    const rows = [
      { route: "/a", unit: "requests", count: 3, costMilli: 6_000 },
      { route: "/a", unit: "tokens", count: 0, costMilli: 900_000 },
    ];
    expect(quantityMilli(rows, null, "count")).toBe(3_000);
    expect(quantityMilli(rows, "/a", "tokens")).toBe(900_000);
    expect(quantityMilli(rows, "/b", "tokens")).toBe(0);
  });

  it("that a number cannot hold exactly is an error", () => {
    const rows = [used(2 ** 52), used(2 ** 52, "/b")];
    expect(() => quantityMilli(rows, null, "requests")).toThrow(RangeError);
  });
});

describe("a grant", () => {
  const segments = segmentsOf(cut(january, JANUARY + 10 * DAY_MS, termsIn("pro"), []));
  const grant = (fromDay: number, untilDay: number, limit = "month") => ({
    limit,
    amountMilli: 7_000,
    fromMs: JANUARY + fromDay * DAY_MS,
    untilMs: JANUARY + untilDay * DAY_MS,
  });

  it("counts once, in the first segment that it overlaps, unprorated", () => {
    expect(grantedBySegment(segments, [grant(5, 20)])).toEqual([7_000, 0]);
    expect(grantedBySegment(segments, [grant(-20, 1), grant(10, 11)])).toEqual([7_000, 7_000]);
    expect(grantedBySegment(segments, [grant(30, 90)])).toEqual([0, 7_000]);
  });

  it("does not count before it begins, after it ends, or for another limit", () => {
    expect(grantedBySegment(segments, [grant(-20, 0), grant(31, 40), grant(5, 20, "minute")])).toEqual([
      0, 0,
    ]);
  });
});
