/** A plan: all limits of a request decided together. None is charged unless all pass, and a denial costs nothing. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Limit, LimitState } from "../../src/core/limit.ts";
import { type Charge, decidePlan, type PlanDecision, readings, type States } from "../../src/core/plan.ts";
import {
  type BucketSpec,
  bucketSpec,
  compiled,
  compiledQuota,
  costOf,
  exactBucket,
  exactQuota,
  movedMs,
  type QuotaSpec,
  quotaSpec,
  schedule,
  START_MS,
} from "./arbitraries.ts";
import { decideExactly } from "./exact-model.ts";

const minute: BucketSpec = { kind: "bucket", refillMilli: 60_000, per: "minute", capacityMilli: 60_000 };
const route: BucketSpec = { kind: "bucket", refillMilli: 5_000, per: "minute", capacityMilli: 5_000 };
const monthly: QuotaSpec = { kind: "quota", amountMilli: 50_000, period: "month", anchorDay: 1 };

function charge(limit: Limit): Charge {
  return { counter: `of ${limit.name}`, limit };
}

const perMinute = charge(compiled(minute, "per-minute"));
const perRoute = charge(compiled(route, "per-route"));
const perMonth = charge(compiledQuota(monthly, "per-month"));

/** The states as an owner keeps them: what the decision returned, by counter. */
function stored(charges: readonly Charge[], states: States, decision: PlanDecision): Map<string, LimitState> {
  const next = new Map(states);
  charges.forEach(({ counter }, position) => {
    const meter = decision.after[position];
    if (meter !== undefined) next.set(counter, meter.state);
  });
  return next;
}

/** The states after each cost (which must pass) at one moment. */
function after(charges: readonly Charge[], costs: readonly number[], nowMs = 0): Map<string, LimitState> {
  let states = new Map<string, LimitState>();
  for (const costMilli of costs) {
    const decision = decidePlan(charges, states, costMilli, nowMs);
    expect(decision.allowed).toBe(true);
    states = stored(charges, states, decision);
  }
  return states;
}

function remaining(decision: PlanDecision, nowMs: number): number[] {
  return readings(decision, nowMs).map(({ remainingMilli }) => remainingMilli);
}

describe("all or none", () => {
  const charges = [perMinute, perRoute, perMonth];

  it("charges every limit if all hold the cost", () => {
    const decision = decidePlan(charges, new Map(), 2_000, 0);
    expect(decision).toMatchObject({ allowed: true, violated: [], retryAtMs: 0 });
    expect(remaining(decision, 0)).toEqual([58_000, 3_000, 48_000]);
  });

  it("leaves the first limit untouched if the second rejects", () => {
    const states = after(charges, [5_000]);
    const decision = decidePlan(charges, states, 1_000, 0);
    expect(decision).toMatchObject({ allowed: false, violated: ["per-route"], retryAtMs: 12_000 });
    expect(decision.after).toBe(decision.before);
    expect(stored(charges, states, decision)).toEqual(states);
    expect(remaining(decision, 0)).toEqual([55_000, 0, 45_000]);
  });

  it("lists every limit that rejected, in the order of the plan", () => {
    const costs = [5_000];
    const backwards = [perMonth, perRoute, perMinute];
    expect(decidePlan(charges, after(charges, costs), 55_001, 0).violated).toEqual([
      "per-minute",
      "per-route",
      "per-month",
    ]);
    expect(decidePlan(backwards, after(backwards, costs), 55_001, 0).violated).toEqual([
      "per-month",
      "per-route",
      "per-minute",
    ]);
    expect(decidePlan(charges, after(charges, costs), 46_000, 0).violated).toEqual([
      "per-route",
      "per-month",
    ]);
  });

  it("passes any cost without limits", () => {
    expect(decidePlan([], new Map(), 2 ** 52, 0)).toEqual({
      allowed: true,
      before: [],
      after: [],
      setAsideMilli: [],
      violated: [],
      cap: null,
      retryAtMs: 0,
    });
  });

  it("changes no given state", () => {
    const states = after(charges, [1_000]);
    const copy = structuredClone(states);
    decidePlan(charges, states, 1_000, 5_000);
    expect(states).toEqual(copy);
  });

  it("starts fresh if a counter has no state, or one of another kind", () => {
    const states = after([perMinute], [60_000]);
    const quota: Charge = { counter: perMinute.counter, limit: perMonth.limit };
    expect(remaining(decidePlan([quota], states, 0, 0), 0)).toEqual([50_000]);
    expect(remaining(decidePlan([perMinute], after([quota], [50_000]), 0, 0), 0)).toEqual([60_000]);
  });
});

describe("the retry time of a plan", () => {
  it("is that of the limit that rejects longest", () => {
    const charges = [perMinute, perRoute];
    const states = after(charges, [5_000]);
    // 55.001 of 55 per minute: 1 ms. 4 of 0 per route: 48 s.
    expect(decidePlan(charges, states, 4_000, 0).retryAtMs).toBe(48_000);
    expect(decidePlan([perRoute, perMinute], states, 4_000, 0).retryAtMs).toBe(48_000);
    expect(
      decidePlan([perMinute, perMonth], after([perMinute, perMonth], [50_000]), 20_000, 0).retryAtMs,
    ).toBe(
      31 * 86_400_000, // both reject: the bucket for 10 s, the quota until the month ends
    );
  });

  it("is never if a limit could not hold the cost even when full", () => {
    expect(decidePlan([perMinute, perRoute], new Map(), 5_001, 0)).toMatchObject({
      allowed: false,
      violated: ["per-route"],
      retryAtMs: Infinity,
    });
    expect(decidePlan([perMonth, perMinute], new Map(), 50_001, 0).retryAtMs).toBe(Infinity);
  });

  it("admits a client that retries every millisecond exactly as early as one that waits", () => {
    const charges = [perMinute, perRoute];
    const start = after(charges, [5_000]);
    const { retryAtMs } = decidePlan(charges, start, 1_000, 0);
    let states: Map<string, LimitState> = start;
    for (let nowMs = 1; nowMs < retryAtMs; nowMs++) {
      const denied = decidePlan(charges, states, 1_000, nowMs);
      expect(denied).toMatchObject({ allowed: false, retryAtMs });
      states = stored(charges, states, denied);
    }
    const hammered = decidePlan(charges, states, 1_000, retryAtMs);
    const waited = decidePlan(charges, start, 1_000, retryAtMs);
    expect(hammered.allowed).toBe(true);
    expect(hammered).toEqual(waited);
  });
});

describe("a decision without spending", () => {
  it("changes nothing, if its cost is 0 or its result is not stored", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 90_000 }), { maxLength: 20 }), (moments) => {
        const charges = [perMinute, perRoute, perMonth];
        const start = after(charges, [3_000]);
        let states: Map<string, LimitState> = start;
        let nowMs = 0;
        for (const ms of moments) {
          nowMs += ms;
          decidePlan(charges, states, 1_000, nowMs); // not stored
          states = stored(charges, states, decidePlan(charges, states, 0, nowMs)); // a cost of 0
        }
        expect(decidePlan(charges, states, 1_000, nowMs)).toEqual(decidePlan(charges, start, 1_000, nowMs));
      }),
    );
  });

  it("reads each limit as a client sees it", () => {
    const charges = [perMinute, perMonth];
    const decision = decidePlan(charges, after(charges, [1_500]), 0, 250);
    expect(readings(decision, 250)).toEqual([
      {
        kind: "bucket",
        name: "per-minute",
        unit: "requests",
        limitMilli: 60_000,
        remainingMilli: 58_750,
        includedMilli: null,
        resetMs: 1_250,
        windowMs: 60_000,
      },
      {
        kind: "quota",
        name: "per-month",
        unit: "requests",
        limitMilli: 50_000,
        remainingMilli: 48_500,
        includedMilli: null,
        resetMs: 31 * 86_400_000 - 250,
        windowMs: 31 * 86_400_000,
      },
    ]);
  });
});

describe("one to four limits of any kind, against the exact model", () => {
  const specs = fc.array(fc.oneof(bucketSpec, quotaSpec), { minLength: 1, maxLength: 4 });

  function compiledPlan(each: readonly (BucketSpec | QuotaSpec)[]): Charge[] {
    return each.map((spec, n) => {
      const limit = spec.kind === "bucket" ? compiled(spec, `limit-${n}`) : compiledQuota(spec, `limit-${n}`);
      return { counter: `counter-${n}`, limit };
    });
  }

  function smallestMilli(each: readonly (BucketSpec | QuotaSpec)[]): number {
    return Math.min(...each.map((spec) => (spec.kind === "bucket" ? spec.capacityMilli : spec.amountMilli)));
  }

  it("admits the same, with the same limits, retry time and readings", () => {
    fc.assert(
      fc.property(specs, schedule, (each, steps) => {
        const charges = compiledPlan(each);
        const model = each.map((spec) =>
          spec.kind === "bucket" ? exactBucket(spec, START_MS) : exactQuota(spec, START_MS),
        );
        const smallest = smallestMilli(each);
        let states = stored(charges, new Map(), decidePlan(charges, new Map(), 0, START_MS));
        let [nowMs, retryAtMs] = [START_MS, 0];
        for (const { clock, cost } of steps) {
          nowMs = movedMs(clock, nowMs, retryAtMs);
          const costMilli = costOf(cost, smallest);
          const decision = decidePlan(charges, states, costMilli, nowMs);
          const exact = decideExactly(model, costMilli, nowMs);
          states = stored(charges, states, decision);
          retryAtMs = decision.retryAtMs;
          expect(decision.allowed).toBe(exact.allowed);
          expect(decision.violated).toEqual(exact.rejecting.map((n) => `limit-${n}`));
          expect(decision.retryAtMs).toBe(exact.retryAtMs);
          expect(
            readings(decision, nowMs).map((reading) => [reading.remainingMilli, reading.resetMs]),
          ).toEqual(model.map((limit) => [limit.remainingMilli(), limit.resetsAtMs() - nowMs]));
        }
      }),
      { numRuns: 700 },
    );
  });

  it("passes the same cost at the retry time and rejects it one millisecond earlier", () => {
    fc.assert(
      fc.property(specs, schedule, (each, steps) => {
        const charges = compiledPlan(each);
        const smallest = smallestMilli(each);
        let states = new Map<string, LimitState>();
        let nowMs = START_MS;
        for (const { clock, cost } of steps) {
          nowMs = movedMs(clock, nowMs, 0);
          const costMilli = Math.min(smallest, costOf(cost, smallest));
          const decision = decidePlan(charges, states, costMilli, nowMs);
          if (!decision.allowed) {
            expect(decidePlan(charges, states, costMilli, decision.retryAtMs).allowed).toBe(true);
            expect(decidePlan(charges, states, costMilli, decision.retryAtMs - 1).allowed).toBe(false);
          }
          states = stored(charges, states, decision);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("what is set aside", () => {
  const setAside = (milli: number) => ({ setAsideOf: () => ({ milli, untilMs: 6_000 }) });

  it("delays Retry-After only if the cost does not fit beside it", () => {
    const states = after([perMinute], [55_000]);
    // 55 spent, 5 set aside, 1 refilled each second.
    const beside = decidePlan([perMinute], states, 1_000, 0, setAside(5_000));
    expect(beside).toMatchObject({ allowed: false, retryAtMs: 1_000 });
    expect(decidePlan([perMinute], states, 1_000, 1_000, setAside(5_000)).allowed).toBe(true);
    expect(decidePlan([perMinute], states, 1_000, 999, setAside(5_000)).allowed).toBe(false);
    const behind = decidePlan([perMinute], new Map(), 56_000, 0, setAside(5_000));
    expect(behind).toMatchObject({ allowed: false, retryAtMs: 7_000 });
    // 30 spent: all but 4 of it and of what is charged meanwhile has been refilled when the cost passes.
    const both = decidePlan([perMinute], after([perMinute], [30_000]), 56_000, 0, setAside(5_000));
    expect(both).toMatchObject({ allowed: false, retryAtMs: 31_000 });
  });
});
