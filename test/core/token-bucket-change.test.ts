/** A limit that changes keeps what was used: no debt is forgiven, and no token is handed out. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  at,
  blockedUntilMs,
  type BucketState,
  changedAt,
  chargedAt,
  fresh,
  PERIOD_MS,
  remainingMilli,
  spend,
} from "../../src/core/token-bucket.ts";
import { MAX_EXACT } from "../../src/core/units.ts";
import {
  boundOf,
  type BucketSpec,
  bucketSpec,
  clockStep,
  compiled,
  costOf,
  costStep,
  exactBucket,
  movedMs,
  START_MS,
} from "./arbitraries.ts";
import { type Admission, everyWindowHolds } from "./window-bound.ts";

function perMinute(tokens: number, burst: number): BucketSpec {
  return { kind: "bucket", refillMilli: tokens * 1000, per: "minute", capacityMilli: burst * 1000 };
}

/** Buckets whose debt can be counted in the unit of each other. */
const small = bucketSpec.filter(({ capacityMilli }) => capacityMilli <= 2_000_000);

/** 150 of 150 used at 0. */
function exhausted(): BucketState {
  const limit = compiled(perMinute(100, 150));
  return spend(limit, fresh(limit, 0), 150_000);
}

describe("a raised limit", () => {
  it("admits a denied user at once, by the amount it was raised", () => {
    const raised = compiled(perMinute(100, 200));
    const state = at(raised, exhausted(), 0);
    expect(remainingMilli(raised, state)).toBe(50_000);
    expect(blockedUntilMs(raised, state, 50_000)).toBe(0);
    expect(blockedUntilMs(raised, state, 50_001)).toBe(1);
  });

  it("pays debt off at the old rate until the change, and at the new one from then on", () => {
    const faster = compiled(perMinute(600, 150));
    const changed = changedAt(faster, exhausted(), 6_000);
    expect(remainingMilli(faster, changed)).toBe(10_000);
    expect(remainingMilli(faster, at(faster, changed, 7_000))).toBe(20_000);
  });
});

describe("a change of unknown time", () => {
  const [slow, fast] = [compiled(perMinute(100, 150)), compiled(perMinute(600, 150))];

  it.each([
    ["raised", slow, fast, 20_000],
    ["lowered", fast, slow, 70_000],
  ])(
    "counts the time in which it may have been at the slower rate if it %s the rate",
    (_, before, after, left) => {
      const state = spend(before, fresh(before, 0), 150_000);
      expect(remainingMilli(after, changedAt(after, state, 12_000, 6_000))).toBe(left);
      expect(remainingMilli(after, changedAt(after, state, 12_000, -Infinity))).toBe(20_000);
    },
  );

  it.each([
    ["not known", 0, 60_000],
    ["known", slow.grainsPerMs, 10_000],
  ])("counts all time at the new rate only if the old one is not known: it is %s", (_, rate, left) => {
    expect(remainingMilli(fast, changedAt(fast, { ...exhausted(), rate }, 6_000, -Infinity))).toBe(left);
  });

  it("never leaves more than the exact model, whenever the change was", () => {
    const moment = fc.integer({ min: 0, max: 200_000 });
    fc.assert(
      fc.property(small, small, costStep, fc.tuple(moment, moment, moment), (before, next, cost, moments) => {
        const [sinceMs = 0, changeMs = 0, readMs = 0] = moments
          .toSorted((a, b) => a - b)
          .map((ms) => START_MS + ms);
        const [old, limit] = [compiled(before), compiled(next)];
        const costMilli = Math.min(before.capacityMilli, costOf(cost, before.capacityMilli));
        const model = exactBucket(before, START_MS);
        model.charge(costMilli);
        model.advance(changeMs);
        model.change(next.refillMilli, PERIOD_MS[next.per], next.capacityMilli);
        model.advance(readMs);
        const state = spend(old, fresh(old, START_MS), costMilli);
        const unknown = changedAt(limit, state, readMs, sinceMs);
        expect(remainingMilli(limit, unknown)).toBeLessThanOrEqual(model.remainingMilli());
        const known = at(limit, changedAt(limit, state, changeMs), readMs);
        const lost = model.remainingMilli() - remainingMilli(limit, known);
        expect(lost).toBeGreaterThanOrEqual(0);
        expect(lost).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("a limit that is not known yet", () => {
  const [slow, fast] = [compiled(perMinute(100, 150)), compiled(perMinute(600, 150))];

  it.each([
    ["the old rate, if that is slower", slow, fast],
    ["its own, if that is slower", fast, slow],
  ])("counts the time from the change on at %s, and the time before at the old one", (_, before, after) => {
    const state = spend(before, fresh(before, 0), 150_000);
    const changed = changedAt(null, state, 6_000);
    expect(changedAt(null, changed, 7_000)).toEqual(changed);
    const left = remainingMilli(before, at(before, state, 6_000)) + 10_000;
    expect(remainingMilli(after, at(after, changed, 12_000))).toBe(left);
    expect(remainingMilli(after, changedAt(after, changed, 12_000))).toBe(left);
    // From then on, its own.
    const known = at(after, changed, 12_000);
    expect(remainingMilli(after, at(after, known, 13_000))).toBeGreaterThan(left);
  });
});

describe("a limit whose rate does not change", () => {
  it("is refilled no sooner, since a change of before may yet become known", () => {
    const limit = compiled(perMinute(100, 150));
    expect(changedAt(compiled(perMinute(100, 200)), exhausted(), 6_000)).toEqual(exhausted());
    expect(remainingMilli(limit, changedAt(limit, exhausted(), 6_000))).toBe(0);
  });
});

describe("a charge as of an earlier time", () => {
  it("counts the time before at the bucket's own rate, and none in which that may have changed", () => {
    const limit = compiled(perMinute(100, 150));
    const charged = chargedAt(exhausted(), 5_000, 12_000, 6_000);
    expect(charged && remainingMilli(limit, charged.before)).toBe(10_000);
    expect(charged && remainingMilli(limit, charged.after)).toBe(5_000);
    expect(charged?.after.atMs).toBe(12_000);
    expect(chargedAt({ ...exhausted(), rate: 0 }, 5_000, 12_000, 12_000)).toBeNull();
  });
});

describe("two limits that share a bucket, as the tiers of a user's tokens do", () => {
  it("each count the time since it was charged at their own rate, and reading it changes nothing", () => {
    const [slow, fast] = [compiled(perMinute(100, 150)), compiled(perMinute(600, 150))];
    expect(remainingMilli(slow, at(slow, exhausted(), 6_000))).toBe(10_000);
    expect(remainingMilli(fast, at(fast, exhausted(), 6_000))).toBe(60_000);
  });
});

describe("a lowered limit", () => {
  it("hands out nothing: spending beyond it is refilled first", () => {
    const lowered = compiled(perMinute(100, 50));
    const state = at(lowered, exhausted(), 0);
    expect(remainingMilli(lowered, state)).toBe(0);
    expect(blockedUntilMs(lowered, state, 1_000)).toBe(60_600);
    expect(remainingMilli(lowered, at(lowered, state, 60_000))).toBe(0);
    expect(remainingMilli(lowered, at(lowered, state, 61_200))).toBe(2_000);
  });

  it("takes away what a full bucket held beyond it", () => {
    const lowered = compiled(perMinute(100, 50));
    const full = fresh(compiled(perMinute(100, 150)), 0);
    expect(remainingMilli(lowered, at(lowered, full, 0))).toBe(50_000);
  });

  it("has nothing left if the debt is too large to be counted in the new unit", () => {
    const largest = compiled({ kind: "bucket", refillMilli: 60_000, per: "minute", capacityMilli: 2 ** 52 });
    const state = spend(largest, fresh(largest, 0), 2 ** 52);
    const finest: BucketSpec = { kind: "bucket", refillMilli: 86_028_121, per: "day", capacityMilli: 50_000 };
    const limit = compiled(finest);
    const counted = at(limit, state, 0);
    expect(counted.debtGrains).toBe(MAX_EXACT);
    expect(remainingMilli(limit, counted)).toBe(0);
    expect(blockedUntilMs(limit, counted, 1)).toBeGreaterThan(0);
  });
});

describe("a rate in another unit", () => {
  it("is recounted against the caller: a third of a millitoken becomes a whole grain", () => {
    // 1 token per 3 s: a third of a millitoken per ms. After 1 ms the debt is 2/3 of a millitoken.
    const thirds = compiled({ kind: "bucket", refillMilli: 20_000, per: "minute", capacityMilli: 1_000 });
    const whole = compiled({ kind: "bucket", refillMilli: 1_000, per: "second", capacityMilli: 1_000 });
    const state = at(thirds, spend(thirds, fresh(thirds, 0), 1), 1);
    expect(remainingMilli(thirds, state)).toBe(999);
    expect(at(whole, state, 1)).toEqual({ kind: "bucket", debtGrains: 1, grain: 1, rate: 1, atMs: 1 });
    expect(remainingMilli(whole, at(whole, at(whole, state, 1), 2))).toBe(1_000);
  });

  it("is not recounted when read again", () => {
    fc.assert(
      fc.property(bucketSpec, bucketSpec, costStep, (before, after, cost) => {
        const [old, next] = [compiled(before), compiled(after)];
        const costMilli = Math.min(before.capacityMilli, costOf(cost, before.capacityMilli));
        const once = at(next, spend(old, fresh(old, START_MS), costMilli), START_MS);
        expect(at(next, once, START_MS).debtGrains).toBe(once.debtGrains);
      }),
    );
  });
});

describe("any changes in any order", () => {
  const steps = fc.array(
    fc.record({ clock: clockStep, cost: costStep, change: fc.option(small, { freq: 4 }) }),
    {
      minLength: 1,
      maxLength: 30,
    },
  );

  it("never have more left than the exact model, nor a millitoken less per change", () => {
    fc.assert(
      fc.property(small, steps, (first, schedule) => {
        const model = exactBucket(first, START_MS);
        let spec = first;
        let state = fresh(compiled(spec), START_MS);
        let [nowMs, retryAtMs, changes] = [START_MS, 0, 0];
        for (const { clock, cost, change } of schedule) {
          nowMs = movedMs(clock, nowMs, retryAtMs);
          if (change !== null) {
            // Debt is paid off at the rate of the limit that reads it, so both sides read before the change.
            state = at(compiled(spec), state, nowMs);
            model.advance(nowMs);
            spec = change;
            model.change(spec.refillMilli, PERIOD_MS[spec.per], spec.capacityMilli);
            changes++;
          }
          const limit = compiled(spec);
          const costMilli = costOf(cost, spec.capacityMilli);
          state = at(limit, state, nowMs);
          model.advance(nowMs);
          retryAtMs = blockedUntilMs(limit, state, costMilli);
          if (retryAtMs === 0) {
            expect(model.holds(costMilli)).toBe(true);
            state = spend(limit, state, costMilli);
            model.charge(costMilli);
          }
          const lost = model.remainingMilli() - remainingMilli(limit, state);
          expect(lost).toBeGreaterThanOrEqual(0);
          expect(lost).toBeLessThanOrEqual(changes);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("keep every window after the last change within the new bound", () => {
    fc.assert(
      fc.property(small, small, steps, (first, second, schedule) => {
        const [old, next] = [compiled(first), compiled(second)];
        const admissions: Admission[] = [];
        const drained = spend(old, fresh(old, START_MS), Math.min(first.capacityMilli, second.capacityMilli));
        let state = drained;
        let [nowMs, latestMs] = [START_MS, START_MS];
        for (const { clock, cost } of schedule) {
          nowMs = movedMs(clock, nowMs, 0);
          latestMs = Math.max(latestMs, nowMs);
          const costMilli = costOf(cost, second.capacityMilli);
          state = at(next, state, nowMs);
          if (blockedUntilMs(next, state, costMilli) > 0) continue;
          state = spend(next, state, costMilli);
          admissions.push({ atMs: latestMs, costMilli });
        }
        // What was used before the change counts too.
        const earlier = { atMs: START_MS, costMilli: Math.min(first.capacityMilli, second.capacityMilli) };
        expect(everyWindowHolds(boundOf(second), [earlier, ...admissions])).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
