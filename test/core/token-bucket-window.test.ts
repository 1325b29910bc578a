/** The bound of the token bucket: in every window of length w the admitted cost is at most burst + rate * w. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { at, blockedUntilMs, fresh, PERIOD_MS, spend } from "../../src/core/token-bucket.ts";
import {
  boundOf,
  type BucketSpec,
  bucketSpec,
  compiled,
  costOf,
  largestCapacityMilli,
  movedMs,
  schedule,
  START_MS,
} from "./arbitraries.ts";
import { type Admission, everyWindowHolds, WindowBound } from "./window-bound.ts";

describe("the bound", () => {
  it("never admits more than burst + rate * w in any window, whatever the schedule", () => {
    fc.assert(
      fc.property(bucketSpec, schedule, (spec, steps) => {
        const limit = compiled(spec);
        const admissions: Admission[] = [];
        let state = fresh(limit, START_MS);
        let [nowMs, retryAtMs, latestMs] = [START_MS, 0, START_MS];
        for (const { clock, cost } of steps) {
          nowMs = movedMs(clock, nowMs, retryAtMs);
          latestMs = Math.max(latestMs, nowMs); // after a clock steps back, the same time does not count twice
          const costMilli = costOf(cost, spec.capacityMilli);
          state = at(limit, state, nowMs);
          retryAtMs = blockedUntilMs(limit, state, costMilli);
          if (retryAtMs > 0) continue;
          state = spend(limit, state, costMilli);
          admissions.push({ atMs: latestMs, costMilli });
        }
        expect(everyWindowHolds(boundOf(spec), admissions)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** Numbers below 2^32 in a fixed, patternless order (xorshift, Marsaglia 2003). */
function numbers(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

describe("in the long run", () => {
  const STEPS = 800_000;
  const prime = 86_028_121; // of millitokens per day: 86,400,000 grains to the millitoken
  const awkward: [string, BucketSpec][] = [
    ["7 tokens a day, burst 3", { kind: "bucket", refillMilli: 7_000, per: "day", capacityMilli: 3_000 }],
    [
      "99.999 a minute, burst 150",
      { kind: "bucket", refillMilli: 99_999, per: "minute", capacityMilli: 150_000 },
    ],
    [
      "a prime per day, the largest burst",
      { kind: "bucket", refillMilli: prime, per: "day", capacityMilli: largestCapacityMilli(prime, "day") },
    ],
  ];

  /**
   * The independent reference is the virtual scheduling algorithm (GCRA): one theoretical arrival time, which each admission advances.
   * Time is counted in units of 1 / refill ms and cost in units of 1 / period, so all is whole.
   */
  it.each(awkward)(`admits exactly what virtual scheduling admits and keeps the bound: %s`, (_name, spec) => {
    const limit = compiled(spec);
    const bound = boundOf(spec);
    const windows = new WindowBound(bound);
    const random = numbers(0x9e3779b9);
    const refill = BigInt(spec.refillMilli);
    const period = BigInt(PERIOD_MS[spec.per]);
    const tolerance = BigInt(spec.capacityMilli) * period;
    const largestCost = Math.floor(spec.capacityMilli / 5);
    // About as long as the mean cost takes to flow in, so that it is neither always full nor always empty.
    const pauseMs = Math.ceil((largestCost * PERIOD_MS[spec.per]) / spec.refillMilli);
    let theoreticalArrival = 0n;
    let state = fresh(limit, START_MS);
    let [nowMs, latestMs, admitted, disagreed] = [START_MS, START_MS, 0, 0];
    for (let step = 0; step < STEPS; step++) {
      const luck = random(1_000);
      if (luck === 0) nowMs += 30 * pauseMs;
      else if (luck < 50) nowMs -= random(1_000);
      else if (luck < 600) nowMs += random(pauseMs);
      latestMs = Math.max(latestMs, nowMs);
      const costMilli = luck % 7 === 0 ? 1 : random(largestCost) + 1;

      state = at(limit, state, nowMs);
      const allowed = blockedUntilMs(limit, state, costMilli) === 0;
      const arrival = BigInt(latestMs) * refill;
      const from = theoreticalArrival > arrival ? theoreticalArrival : arrival;
      const next = from + BigInt(costMilli) * period;
      if (allowed !== next - arrival <= tolerance) disagreed++;
      if (!allowed) continue;
      state = spend(limit, state, costMilli);
      theoreticalArrival = next;
      windows.admit(latestMs, costMilli);
      admitted++;
    }
    expect(disagreed).toBe(0);
    expect(windows.holds).toBe(true);
    expect(windows.reached(99)).toBe(true);
    expect(admitted).toBeGreaterThan(STEPS / 4);
    expect(admitted).toBeLessThan(STEPS);
  });
});
