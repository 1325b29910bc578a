/** A concurrency limit: never more slots than its maximum, whether they are taken, released or expire. */
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  at,
  blockedUntilMs,
  type ConcurrencyLimit,
  concurrencyLimit,
  covers,
  fresh,
  MAX_SLOTS,
  release,
  remainingMilli,
  resetsAtMs,
  take,
} from "../../src/core/concurrency.ts";

function limitOf(max: number, ttlMs: number): ConcurrencyLimit {
  const limit = concurrencyLimit("parallel", max, ttlMs);
  if (!limit) throw new Error("a limit was meant");
  return limit;
}

it.each([
  [0, 1],
  [-1, 1],
  [1.5, 1],
  [MAX_SLOTS + 1, 1],
  [1, 0],
  [1, 0.5],
  [NaN, 1],
])("rejects %d slots for %d ms", (max, ttlMs) => {
  expect(concurrencyLimit("parallel", max, ttlMs)).toBeNull();
});

it("is free until its slots are taken, then blocked until the first expires", () => {
  const limit = limitOf(2, 100);
  const one = take(limit, fresh(), 0);
  const two = take(limit, one, 10);
  expect([blockedUntilMs(limit, one), blockedUntilMs(limit, two)]).toEqual([0, 100]);
  expect([remainingMilli(limit, fresh()), remainingMilli(limit, one), remainingMilli(limit, two)]).toEqual([
    2_000, 1_000, 0,
  ]);
  expect([resetsAtMs(limit, fresh(), 7), resetsAtMs(limit, one, 7), resetsAtMs(limit, two, 20)]).toEqual([
    7, 100, 100,
  ]);
  const hour = limitOf(1, 3_600_000);
  expect(resetsAtMs(hour, take(hour, fresh(), 0), 5)).toBe(1_005);
  expect(blockedUntilMs(limit, at(two, 99))).toBe(100);
  expect(blockedUntilMs(limit, at(two, 100))).toBe(0);
});

const step = fc.oneof(
  fc.record({ kind: fc.constant("ask" as const), waitMs: fc.nat(60) }),
  fc.record({ kind: fc.constant("end" as const), waitMs: fc.nat(60), which: fc.nat(10) }),
);

it("never runs more than max at once, and admits whenever fewer slots are taken", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 200 }),
      fc.array(step, { maxLength: 60 }),
      (max, ttlMs, steps) => {
        const limit = limitOf(max, ttlMs);
        let state = fresh();
        let running: number[] = [];
        let nowMs = 0;
        for (const each of steps) {
          nowMs += each.waitMs;
          state = at(state, nowMs);
          running = running.filter((untilMs) => untilMs > nowMs);
          if (each.kind === "end") {
            const [ended] = running.splice(each.which % Math.max(1, running.length), 1);
            if (ended !== undefined) state = release(state, ended);
          } else {
            const free = blockedUntilMs(limit, state) === 0;
            expect(free).toBe(running.length < max);
            if (free) {
              state = take(limit, state, nowMs);
              running.push(nowMs + ttlMs);
            }
          }
          expect(remainingMilli(limit, state)).toBe((max - running.length) * 1000);
        }
      },
    ),
  );
});

it("is covered only by a floor with at least its slots, each for at least as long", () => {
  const limit = limitOf(3, 100);
  const a = take(limit, fresh(), 10);
  const ab = take(limit, a, 20);
  const abc = take(limit, ab, 30);
  expect([covers(a, fresh()), covers(ab, a), covers(abc, ab), covers(a, a)]).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect([covers(a, ab), covers(fresh(), a)]).toEqual([false, false]);
  // One slot released and another taken later: the floor's slot expires too early.
  expect(covers(a, take(limit, release(a, 110), 20))).toBe(false);
});
