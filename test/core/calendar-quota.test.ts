/** A quota: never more than its amount in a calendar period, whatever the clock and the policy do. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  at,
  blockedUntilMs,
  type CalendarQuota,
  calendarQuota,
  covers,
  fresh,
  type QuotaState,
  remainingMilli,
  resetsAtMs,
  spend,
  windowMs,
} from "../../src/core/calendar-quota.ts";
import { MAX_EXACT } from "../../src/core/units.ts";
import { compiledQuota, costOf, exactQuota, movedMs, quotaSpec, schedule, START_MS } from "./arbitraries.ts";
import { walkedPeriod } from "./day-walk.ts";
import { HOUR_MS } from "../../src/core/time.ts";

const ms = Date.parse;

function monthly(tokens: number, anchorDay = 1): CalendarQuota {
  return compiledQuota({ kind: "quota", amountMilli: tokens * 1000, period: "month", anchorDay });
}

function hourly(tokens: number): CalendarQuota {
  return compiledQuota({ kind: "quota", amountMilli: tokens * 1000, period: "hour", anchorDay: 1 });
}

/** The state with this many tokens used at a moment, and none before. */
function used(limit: CalendarQuota, tokens: number, moment: string): QuotaState {
  return spend(limit, fresh(limit, ms(moment)), tokens * 1000);
}

function left(limit: CalendarQuota, state: QuotaState, moment: string): number {
  return remainingMilli(limit, at(limit, state, ms(moment))) / 1000;
}

describe("compiling", () => {
  it.each([
    ["nothing", 0, 1],
    ["less than nothing", -1, 1],
    ["no number", NaN, 1],
    ["more than is counted exactly", MAX_EXACT + 1, 1],
    ["without end", Infinity, 1],
    ["anchored to day 0", 1_000, 0],
    ["anchored to day 32", 1_000, 32],
    ["anchored between two days", 1_000, 1.5],
  ])("rejects a quota of %s", (_what, amountMilli, anchorDay) => {
    expect(calendarQuota("x", amountMilli, "month", anchorDay)).toBeNull();
  });

  it("anchors to the first without an anchor day", () => {
    expect(calendarQuota("x", MAX_EXACT, "month")?.anchorDay).toBe(1);
  });
});

describe("a quota of 1,000 a month", () => {
  const limit = monthly(1_000);
  const spent = used(limit, 1_000, "2024-02-10T12:00:00Z");

  it("rejects until the month ends, and not a millisecond longer", () => {
    const seen = at(limit, spent, ms("2024-02-20T00:00:00Z"));
    expect(blockedUntilMs(limit, seen, 1)).toBe(ms("2024-03-01T00:00:00Z"));
    expect(left(limit, spent, "2024-02-29T23:59:59.999Z")).toBe(0);
    expect(left(limit, spent, "2024-03-01T00:00:00.000Z")).toBe(1_000);
  });

  it("is reset when the month ends, and is as long as the month", () => {
    expect(resetsAtMs(limit, spent)).toBe(ms("2024-03-01T00:00:00Z"));
    expect(windowMs(limit, spent)).toBe(29 * 24 * HOUR_MS);
  });

  it("stays in the newer month when the clock steps back over the boundary", () => {
    const march = used(limit, 1, "2024-03-01T00:00:00.005Z");
    const february = at(limit, march, ms("2024-02-29T23:59:59.999Z"));
    expect(february).toEqual(march);
    expect(remainingMilli(limit, february)).toBe(999_000);
    expect(left(limit, february, "2024-03-31T23:59:59.999Z")).toBe(999);
  });

  it("never passes a cost larger than itself", () => {
    expect(blockedUntilMs(limit, fresh(limit, START_MS), 1_000_001)).toBe(Infinity);
    expect(blockedUntilMs(limit, spent, 1_000_001)).toBe(Infinity);
    expect(blockedUntilMs(limit, fresh(limit, START_MS), 1_000_000)).toBe(0);
  });

  it("keeps what was used when the amount changes: raising admits, lowering hands out nothing", () => {
    expect(left(monthly(1_200), spent, "2024-02-20T00:00:00Z")).toBe(200);
    expect(left(monthly(500), spent, "2024-02-20T00:00:00Z")).toBe(0);
    expect(blockedUntilMs(monthly(500), spent, 1)).toBe(ms("2024-03-01T00:00:00Z"));
  });
});

describe("against the exact model", () => {
  it("admits the same, and has the same remainder, retry time and reset time", () => {
    fc.assert(
      fc.property(quotaSpec, schedule, (spec, steps) => {
        const limit = compiledQuota(spec);
        const model = exactQuota(spec, START_MS);
        let state = fresh(limit, START_MS);
        let [nowMs, retryAtMs] = [START_MS, 0];
        for (const { clock, cost } of steps) {
          nowMs = movedMs(clock, nowMs, retryAtMs);
          const costMilli = costOf(cost, spec.amountMilli);
          state = at(limit, state, nowMs);
          model.advance(nowMs);
          retryAtMs = blockedUntilMs(limit, state, costMilli);
          expect(retryAtMs).toBe(model.retryAtMs(costMilli));
          if (retryAtMs === 0) {
            state = spend(limit, state, costMilli);
            model.charge(costMilli);
          }
          expect(remainingMilli(limit, state)).toBe(model.remainingMilli());
          expect(resetsAtMs(limit, state)).toBe(model.resetsAtMs());
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("never admits more than its amount in a period", () => {
    fc.assert(
      fc.property(quotaSpec, schedule, (spec, steps) => {
        const limit = compiledQuota(spec);
        const admitted = new Map<number, bigint>();
        let state = fresh(limit, START_MS);
        let [nowMs, latestMs] = [START_MS, START_MS];
        for (const { clock, cost } of steps) {
          nowMs = movedMs(clock, nowMs, 0);
          latestMs = Math.max(latestMs, nowMs);
          const costMilli = costOf(cost, spec.amountMilli);
          state = at(limit, state, nowMs);
          if (blockedUntilMs(limit, state, costMilli) > 0) continue;
          state = spend(limit, state, costMilli);
          const { startMs } = walkedPeriod(spec.period, latestMs, spec.anchorDay);
          admitted.set(startMs, (admitted.get(startMs) ?? 0n) + BigInt(costMilli));
        }
        for (const sum of admitted.values()) expect(sum).toBeLessThanOrEqual(BigInt(spec.amountMilli));
      }),
      { numRuns: 500 },
    );
  });
});

describe("a policy that moves the anchor day", () => {
  it("hands out nothing at the moment of the change, nor before a period of the old or the new calendar begins", () => {
    const day = fc.integer({ min: 1, max: 31 });
    const wait = fc.integer({ min: 0, max: 70 * 24 });
    fc.assert(
      fc.property(day, day, wait, wait, (oldDay, newDay, usedAfterHours, changedAfterHours) => {
        const [old, next] = [monthly(1_000, oldDay), monthly(1_000, newDay)];
        const usedMs = START_MS + usedAfterHours * HOUR_MS;
        const spent = spend(old, fresh(old, usedMs), 1_000_000);
        const changedMs = Math.min(usedMs + changedAfterHours * HOUR_MS, spent.endMs - 1);
        const changed = at(next, spent, changedMs);
        const boundaryMs = Math.min(
          walkedPeriod("month", changedMs, oldDay).endMs,
          walkedPeriod("month", changedMs, newDay).endMs,
        );
        expect(remainingMilli(next, changed)).toBe(0);
        expect(remainingMilli(next, at(next, changed, boundaryMs - 1))).toBe(0);
        expect(changed.endMs).toBeGreaterThanOrEqual(boundaryMs);
      }),
    );
  });

  it("changes nothing for a period with the same end in both calendars", () => {
    const [day30, day31] = [monthly(1_000, 30), monthly(1_000, 31)];
    const spent = used(day31, 1_000, "2024-04-10T00:00:00Z");
    expect(left(day30, spent, "2024-04-29T23:59:59.999Z")).toBe(0);
    expect(left(day30, spent, "2024-04-30T00:00:00.000Z")).toBe(1_000);
  });
});

describe("a policy that changes the length of the period", () => {
  it("month to hour: what was used counts until the hour ends, then hours begin", () => {
    const month = used(monthly(1_000), 900, "2024-02-10T12:00:00Z");
    const limit = hourly(100);
    const changed = at(limit, month, ms("2024-02-10T12:30:00Z"));
    expect(remainingMilli(limit, changed)).toBe(0);
    expect(blockedUntilMs(limit, changed, 1_000)).toBe(ms("2024-02-10T13:00:00Z"));
    expect(left(limit, changed, "2024-02-10T12:59:59.999Z")).toBe(0);
    expect(left(limit, changed, "2024-02-10T13:00:00.000Z")).toBe(100);
  });

  it("hour to month: what was used of the hour counts in its month", () => {
    const hour = used(hourly(100), 100, "2024-02-10T12:10:00Z");
    const limit = monthly(1_000);
    expect(left(limit, hour, "2024-02-10T12:59:59.999Z")).toBe(900);
    expect(left(limit, hour, "2024-02-29T23:59:59.999Z")).toBe(900);
    expect(left(limit, hour, "2024-03-01T00:00:00.000Z")).toBe(1_000);
    expect(resetsAtMs(limit, at(limit, hour, ms("2024-02-10T13:00:00Z")))).toBe(ms("2024-03-01T00:00:00Z"));
  });
});

describe("a change followed by denials, which are not stored", () => {
  it("finishes a period under the end it began with when the anchor day moves", () => {
    const spent = used(monthly(1_000, 1), 1_000, "2024-02-10T00:00:00Z");
    const moved = at(monthly(1_000, 15), spent, ms("2024-02-11T00:00:00Z"));
    expect(left(monthly(1_000, 15), moved, "2024-02-15T00:00:00Z")).toBe(0);
    expect(left(monthly(1_000, 15), moved, "2024-03-01T00:00:00Z")).toBe(1_000);
  });

  it("passes at the retry time after month to hour although the denial was not stored", () => {
    const month = used(monthly(1_000), 900, "2024-02-10T12:00:00Z");
    const retryAtMs = blockedUntilMs(hourly(100), at(hourly(100), month, ms("2024-02-10T12:30:00Z")), 1_000);
    expect(retryAtMs).toBe(ms("2024-02-10T13:00:00Z"));
    expect(blockedUntilMs(hourly(100), at(hourly(100), month, retryAtMs), 1_000)).toBe(0);
  });
});

describe("a floor", () => {
  it("covers usage of its own period up to its amount, and none of another period", () => {
    const limit = monthly(1_000);
    const floor = used(limit, 20, "2024-02-10T00:00:00Z");
    expect(covers(floor, used(limit, 20, "2024-02-11T00:00:00Z"))).toBe(true);
    expect(covers(floor, used(limit, 20.001, "2024-02-11T00:00:00Z"))).toBe(false);
    expect(covers(floor, used(limit, 1, "2024-03-01T00:00:00Z"))).toBe(false);
  });
});
