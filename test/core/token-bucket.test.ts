/**
 * The token bucket: a table of examples, and properties against the exact model for everything else.
 *
 * The bound of every window is in token-bucket-window.test.ts, changes of a limit in token-bucket-change.test.ts.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  at,
  blockedUntilMs,
  type BucketState,
  fresh,
  remainingMilli,
  resetsAtMs,
  spend,
  type TokenBucket,
  tokenBucket,
  windowMs,
} from "../../src/core/token-bucket.ts";
import { MAX_EXACT } from "../../src/core/units.ts";
import {
  bucketSpec,
  clockStep,
  compiled,
  costOf,
  costStep,
  exactBucket,
  largestCapacityMilli,
  movedMs,
  schedule,
  START_MS,
} from "./arbitraries.ts";

/** A row of a table. Times in ms; cost and remaining in tokens; retry null: never. */
type Row = readonly [
  n: number,
  now: number,
  cost: number,
  allowed: boolean,
  remaining: number,
  resetMs: number,
  retryAfterMs: number | null,
];

/** Applies the rows' times and costs to a bucket that is full at 0. @returns the results as rows. */
function played(limit: TokenBucket, rows: readonly Row[]): Row[] {
  let state = fresh(limit, 0);
  return rows.map(([n, now, cost]) => {
    state = at(limit, state, now);
    const untilMs = blockedUntilMs(limit, state, cost * 1000);
    if (untilMs === 0) state = spend(limit, state, cost * 1000);
    const retryAfterMs = untilMs === 0 ? 0 : untilMs === Infinity ? null : untilMs - now;
    const remaining = remainingMilli(limit, state) / 1000;
    return [n, now, cost, untilMs === 0, remaining, resetsAtMs(limit, state) - now, retryAfterMs];
  });
}

describe("the table", () => {
  it("100 per minute, burst 150: a token every 600 ms", () => {
    const limit = compiled({ kind: "bucket", refillMilli: 100_000, per: "minute", capacityMilli: 150_000 });
    // oxfmt-ignore
    const rows: Row[] = [
      //  n       now  cost  allowed  remaining  reset   retry
      [   1,        0,    1, true,        149,     600,      0 ],
      [   2,        0,    0, true,        149,     600,      0 ], // asking is free
      [   3,      300,    1, true,      148.5,     900,      0 ], // half a token is back
      [   4,      299,    1, true,      147.5,    1501,      0 ], // a clock that steps back pays nothing off
      [   5,      300,    1, true,      146.5,    2100,      0 ],
      [   6,     2400,    0, true,        150,       0,      0 ], // full at the reset time
      [   7,    60000,  151, false,       150,       0,   null ], // more than it ever holds
      [   8,    60000,  150, true,          0,     600,      0 ], // the burst at once; the next token in 600 ms
      [   9,    60000,    1, false,         0,     600,    600 ],
      [  10,    60000,    2, false,         0,     600,   1200 ],
      [  11,    60000,  150, false,         0,     600,  90000 ],
      [  12,    60599,    1, false,      0.998,      1,      1 ], // one millisecond early
      [  13,    60600,    1, true,          0,     600,      0 ], // exactly then, and the denials cost nothing
      [  14,    60600,  0.5, false,         0,     600,    300 ],
      [  15,    60900,  0.5, true,          0,     600,      0 ],
      [  16,    60900, 0.001, false,        0,     600,      1 ], // 0.6 ms, rounded up
      [  17,    60901, 0.001, true,         0,     600,      0 ], // 1/600 token was there: 0.000667 are left
      [  18,    90901,   50, true,          0,     600,      0 ],
      [  19,   150901,  100, true,          0,     600,      0 ], // the rate, forever
      [  20,   210900,  100, false,    99.999,   30001,      1 ], // 0.000667 left above, so one thousandth short
      [  21, 31536e6,   150, true,          0,     600,      0 ], // a year later it holds the burst, no more
      [  22, 31536e6, 0.001, false,         0,     600,      1 ],
    ];
    expect(played(limit, rows)).toEqual(rows);
  });

  it("5 per minute, burst 5, costs of thousandths: a token every 12 s", () => {
    const limit = compiled({ kind: "bucket", refillMilli: 5_000, per: "minute", capacityMilli: 5_000 });
    // oxfmt-ignore
    const rows: Row[] = [
      //  n       now   cost  allowed  remaining  reset   retry
      [   1,        0, 0.001, true,     4.999,      12,      0 ],
      [   2,        1, 0.001, true,     4.998,      23,      0 ], // 1/12 of it is back, which does not count yet
      [   3,       24,  4.75, true,      0.25,    9000,      0 ], // full at 24; now 0.75 short of one token
      [   4,       24,  0.75, false,     0.25,    9000,   6000 ],
      [   5,     6023,  0.75, false,    0.749,    3001,      1 ],
      [   6,     6024,  0.75, true,         0,   12000,      0 ],
      [   7,     6024, 0.001, false,        0,   12000,     12 ],
      [   8,     6035, 0.001, false,        0,   11989,      1 ],
      [   9,     6036, 0.001, true,         0,   12000,      0 ],
      [  10,     6036, 5.001, false,        0,   12000,   null ],
      [  11,    18036,     0, true,         1,   48000,      0 ], // it holds one token: reset is now when it is full
      [  12,    66035,     5, false,    4.999,       1,      1 ],
      [  13,    66036,     5, true,         0,   12000,      0 ],
    ];
    expect(played(limit, rows)).toEqual(rows);
  });
});

describe("compiling", () => {
  it.each([
    ["no refill", 0, 1_000],
    ["a negative refill", -1, 1_000],
    ["no capacity", 1_000, 0],
    ["a negative capacity", 1_000, -1],
    ["a refill that is no number", NaN, 1_000],
    ["a capacity that is no number", 1_000, NaN],
    ["an infinite refill", Infinity, 1_000],
    ["an infinite capacity", 1_000, Infinity],
    ["a refill too large to count", 2 ** 56, 1_000],
  ])("rejects %s", (_what, refillMilli, capacityMilli) => {
    expect(tokenBucket("x", refillMilli, "second", capacityMilli)).toBeNull();
  });

  it("accepts the largest capacity that is counted exactly and rejects one millitoken more", () => {
    fc.assert(
      fc.property(bucketSpec, ({ refillMilli, per }) => {
        const largest = largestCapacityMilli(refillMilli, per);
        expect(tokenBucket("x", refillMilli, per, largest)?.capacityGrains).toBeLessThanOrEqual(MAX_EXACT);
        expect(tokenBucket("x", refillMilli, per, largest + 1)).toBeNull();
      }),
    );
  });

  it("gives the time in which an empty bucket fills", () => {
    expect(
      windowMs(compiled({ kind: "bucket", refillMilli: 100_000, per: "minute", capacityMilli: 150_000 })),
    ).toBe(90_000);
    expect(windowMs(compiled({ kind: "bucket", refillMilli: 7_000, per: "day", capacityMilli: 1_000 }))).toBe(
      12_342_858,
    );
  });
});

describe("against the exact model", () => {
  it("admits the same, and has the same remainder, retry time and reset time", () => {
    fc.assert(
      fc.property(bucketSpec, schedule, (spec, steps) => {
        const limit = compiled(spec);
        const model = exactBucket(spec, START_MS);
        let state = fresh(limit, START_MS);
        let nowMs = START_MS;
        let retryAtMs = 0;
        for (const { clock, cost } of steps) {
          nowMs = movedMs(clock, nowMs, retryAtMs);
          const costMilli = costOf(cost, spec.capacityMilli);
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

  it("refills the same whether read once or a thousand times", () => {
    const waits = fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 50 });
    fc.assert(
      fc.property(bucketSpec, costStep, waits, (spec, cost, waitsMs) => {
        const limit = compiled(spec);
        const spent = spend(
          limit,
          fresh(limit, START_MS),
          Math.min(spec.capacityMilli, costOf(cost, spec.capacityMilli)),
        );
        let nowMs = START_MS;
        let looked = spent;
        for (const ms of waitsMs) {
          nowMs += ms;
          looked = at(limit, looked, nowMs);
        }
        expect(at(limit, looked, nowMs)).toEqual(at(limit, spent, nowMs));
      }),
    );
  });

  it("gives a floor's exact retry time too: a bucket below empty, at the edge of exact numbers", () => {
    const spec = { kind: "bucket", refillMilli: 1_000, per: "second", capacityMilli: 2 ** 52 } as const;
    const limit = compiled(spec);
    const model = exactBucket(spec, 0);
    const overdrawnMilli = 255_999;
    const floor = spend(limit, spend(limit, fresh(limit, 0), spec.capacityMilli), overdrawnMilli);
    model.charge(spec.capacityMilli);
    model.charge(overdrawnMilli);
    expect(blockedUntilMs(limit, floor, spec.capacityMilli)).toBe(model.retryAtMs(spec.capacityMilli));
  });
});

describe("the retry time", () => {
  /** A bucket after a random schedule that was spent greedily. */
  const used = fc.tuple(bucketSpec, schedule).map(([spec, steps]) => {
    const limit = compiled(spec);
    let state: BucketState = fresh(limit, START_MS);
    let nowMs = START_MS;
    for (const { clock, cost } of steps) {
      nowMs = movedMs(clock, nowMs, 0);
      state = at(limit, state, nowMs);
      const costMilli = costOf(cost, spec.capacityMilli);
      if (blockedUntilMs(limit, state, costMilli) === 0) state = spend(limit, state, costMilli);
    }
    return { limit, state };
  });

  it("is the first millisecond at which the same cost passes", () => {
    fc.assert(
      fc.property(used, costStep, clockStep, ({ limit, state }, cost, look) => {
        const costMilli = Math.min(limit.capacityMilli, costOf(cost, limit.capacityMilli));
        const seen = at(limit, state, movedMs(look, state.atMs, 0));
        const retryAtMs = blockedUntilMs(limit, seen, costMilli);
        fc.pre(retryAtMs > 0);
        for (const from of [state, seen]) {
          expect(blockedUntilMs(limit, at(limit, from, retryAtMs), costMilli)).toBe(0);
          expect(blockedUntilMs(limit, at(limit, from, retryAtMs - 1), costMilli)).toBe(retryAtMs);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is never if the cost is larger than the bucket", () => {
    fc.assert(
      fc.property(used, fc.integer({ min: 1, max: 1_000 }), ({ limit, state }, more) => {
        expect(blockedUntilMs(limit, state, limit.capacityMilli + more)).toBe(Infinity);
      }),
    );
  });

  it("goes with a reset time of the next token if there is none, else of a full bucket", () => {
    fc.assert(
      fc.property(used, ({ limit, state }) => {
        const oneToken = Math.min(1_000, limit.capacityMilli);
        const target = remainingMilli(limit, state) < oneToken ? oneToken : limit.capacityMilli;
        const resetMs = resetsAtMs(limit, state);
        expect(remainingMilli(limit, at(limit, state, resetMs))).toBeGreaterThanOrEqual(target);
        if (resetMs > state.atMs) {
          expect(at(limit, state, resetMs - 1).debtGrains).toBeGreaterThan(
            limit.capacityGrains - target * limit.grainsPerMilli,
          );
        }
      }),
      { numRuns: 500 },
    );
  });
});
