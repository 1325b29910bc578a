/** A quota with an allowance: where it stops, what is over, and why it rejects, as decisions and clients see it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type CalendarQuota,
  calendarQuota,
  fresh,
  inPeriod,
  type QuotaAllowance,
  UNCAPPED_MILLI,
  withAllowance,
} from "../../src/core/calendar-quota.ts";
import { changedView, isUncapped, limitView, limitViews, planRetryAfterMs } from "../../src/core/decision.ts";
import { type LimitState, meterAt, read } from "../../src/core/limit.ts";
import { decidePlan } from "../../src/core/plan.ts";
import * as bucket from "../../src/core/token-bucket.ts";
import { MAX_EXACT } from "../../src/core/units.ts";

const NOW_MS = Date.UTC(2026, 0, 20);
const FEBRUARY = Date.UTC(2026, 1);
const MONTH = calendarQuota("month", 1_000_000, "month")!;

function allowed(allowance: Partial<QuotaAllowance>): CalendarQuota {
  return withAllowance(MONTH, {
    includedMilli: 1_000_000,
    amountMilli: 1_200_000,
    cap: "spend_cap",
    anchorDay: 1,
    ...allowance,
  });
}

/** The decision about a cost after this much is used. */
function decide(limit: CalendarQuota, usedMilli: number, costMilli: number, minuteDebtMilli = 0) {
  const minute = bucket.tokenBucket("minute", 10_000, "minute", 10_000)!;
  const states = new Map<string, LimitState>([
    ["month", inPeriod(limit, NOW_MS, usedMilli)],
    ["minute", bucket.spend(minute, bucket.fresh(minute, NOW_MS), minuteDebtMilli)],
  ]);
  const charges = [
    { counter: "minute", limit: minute },
    { counter: "month", limit },
  ];
  return decidePlan(charges, states, costMilli, NOW_MS);
}

describe("a quota with an allowance", () => {
  it("stops at the hard stop, not at the included amount", () => {
    const limit = allowed({});
    expect(decide(limit, 1_199_000, 1_000)).toMatchObject({ allowed: true, cap: null });
    expect(decide(limit, 1_199_001, 1_000)).toMatchObject({
      allowed: false,
      violated: ["month"],
      cap: "spend_cap",
      retryAtMs: FEBRUARY,
    });
  });

  it("names no cap if it is the included amount that stops it, or another limit", () => {
    const stop = allowed({ amountMilli: 1_000_000, cap: null });
    expect(decide(stop, 1_000_000, 1_000)).toMatchObject({ allowed: false, violated: ["month"], cap: null });
    expect(decide(allowed({}), 0, 1_000, 10_000)).toMatchObject({ violated: ["minute"], cap: null });
    const both = decide(allowed({}), 1_200_000, 1_000, 10_000);
    expect(both).toMatchObject({ violated: ["minute", "month"], cap: "spend_cap", retryAtMs: FEBRUARY });
  });

  it("asks to wait for the period's end, also for a cost that only the next period may hold, but not for credits", () => {
    const budget = decide(allowed({ cap: "budget", amountMilli: 500 }), 0, 1_000);
    expect(planRetryAfterMs(budget, NOW_MS)).toBe(FEBRUARY - NOW_MS);
    const credits = decide(allowed({ cap: "credits", amountMilli: 0, includedMilli: 0 }), 0, 1_000);
    expect(planRetryAfterMs(credits, NOW_MS)).toBeNull();
    expect(planRetryAfterMs(decide(MONTH, 0, 1_000_001), NOW_MS)).toBeNull();
    expect(planRetryAfterMs(decide(allowed({ cap: "credits" }), 0, 1_000), NOW_MS)).toBe(0);
  });

  it("has no practical end if nothing caps it, and never more than can be counted", () => {
    const uncapped = allowed({ amountMilli: null, cap: null });
    expect(decide(uncapped, 1e12, 10_000).allowed).toBe(true);
    expect(allowed({ amountMilli: MAX_EXACT }).amountMilli).toBe(UNCAPPED_MILLI);
    const [, view] = limitViews(decide(uncapped, 1_500_000, 0), NOW_MS);
    expect(view && isUncapped(view)).toBe(true);
    expect(view).toMatchObject({ included: 1_000, over: 500 });
  });

  it("counts in the period of its anchor day", () => {
    expect(fresh(allowed({ anchorDay: 15 }), NOW_MS)).toMatchObject({
      startMs: Date.UTC(2026, 0, 15),
      endMs: Date.UTC(2026, 1, 15),
    });
  });
});

describe("what is over", () => {
  const amounts = fc.record({
    includedMilli: fc.nat(2e9),
    roomMilli: fc.option(fc.nat(2e9), { nil: null }),
    usedMilli: fc.nat(4e9),
    laterMilli: fc.nat(4e9),
  });

  it("is exact to the thousandth, in a view of the object and in one that an isolate changes", () => {
    fc.assert(
      fc.property(amounts, ({ includedMilli, roomMilli, usedMilli, laterMilli }) => {
        const amountMilli = roomMilli === null ? null : includedMilli + roomMilli;
        const limit = allowed({ includedMilli, amountMilli });
        const over = (milli: number) =>
          Math.max(0, Math.min(milli, amountMilli ?? Infinity) - includedMilli) / 1000;
        const viewAt = (milli: number) =>
          limitView(read(meterAt(limit, inPeriod(limit, NOW_MS, milli), NOW_MS), NOW_MS));
        const [view, later] = [viewAt(usedMilli), viewAt(laterMilli)];
        expect(view).toMatchObject({ included: includedMilli / 1000, over: over(usedMilli) });
        expect(changedView(view, later.remaining, later.resetMs)).toEqual(later);
      }),
    );
  });

  it("is not in the view of a quota without an allowance", () => {
    const view = limitView(read(meterAt(MONTH, inPeriod(MONTH, NOW_MS, 7_000), NOW_MS), NOW_MS));
    expect(Object.keys(view)).toEqual(["name", "kind", "limit", "remaining", "resetMs", "windowMs"]);
  });
});
