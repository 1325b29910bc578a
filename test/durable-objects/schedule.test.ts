/**
 * Any schedule of requests, pauses, evictions and crashes of one object, against the exact model.
 *
 * Two models bound the object. The optimist loses nothing and is charged what was admitted: if it rejects, the object must reject. The
 * pessimist also loses a whole headroom and up to five seconds of refill with every crash within one, since floors are held: if it
 * admits, the object must admit. Until the first such crash the two are equal, so the object must match exactly.
 */
import fc from "fast-check";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FLOOR_HOLD_MS, headroomMilli } from "../../src/core/headroom.ts";
import { PERIOD_MS, tokenBucket } from "../../src/core/token-bucket.ts";
import { ExactBucket } from "../core/exact-model.ts";
import { WindowBound } from "../core/window-bound.ts";
import { bucket, dropTimers, later, publishLimits, START_MS, startClock, stopClock } from "./fixture.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

const spec = fc.record({
  tokens: fc.constantFrom(1, 7, 60, 1_000),
  per: fc.constantFrom("second", "minute", "hour" as const),
  burst: fc.constantFrom(1, 3, 50, 150, 1_000),
});

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("decide" as const),
      // Thousandths of the capacity, and a little more than it now and then.
      share: fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 1_001 })),
      times: fc.integer({ min: 1, max: 6 }),
      inOneCall: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("later" as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: HOUR_MS })),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "pause" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "evict" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "crash" as const }) },
);

it("never admits more than burst + rate * w, nor less than the model by more than one headroom per crash", async () => {
  let crashes = 0;
  let denials = 0;
  await fc.assert(
    fc.asyncProperty(spec, fc.array(step, { minLength: 5, maxLength: 40 }), async (limit, steps) => {
      // No timer of the last run's object, and the same day again, so that no schedule leaves the month.
      dropTimers();
      vi.setSystemTime(START_MS);
      const { tokens, per, burst } = limit;
      const user = new UserObject(await publishLimits(bucket(tokens, per, burst)));
      const burstMilli = burst * 1_000;
      const numbers = [tokens * 1_000, PERIOD_MS[per], burstMilli] as const;
      const optimist = new ExactBucket(...numbers, Date.now());
      const pessimist = new ExactBucket(...numbers, Date.now());
      const bound = new WindowBound({ refillMilli: numbers[0], periodMs: numbers[1], burstMilli });
      const compiled = tokenBucket("bucket", numbers[0], per, burstMilli) ?? expect.unreachable();
      const chunkMilli = headroomMilli([{ counter: "bucket", limit: compiled }]);
      // How far the pessimist's time is behind, and until when it stands still.
      let [lateMs, heldUntilMs] = [0, -Infinity];
      const pessimistMs = (): number => Math.max(Date.now(), heldUntilMs) - lateMs;
      let admittedMilli = 0;
      let deaths = 0;
      let isSettled = true;
      let unsettledSinceMs = 0;

      for (const each of steps) {
        if (each.kind === "later") later(each.ms);
        if (each.kind === "pause") {
          await user.pause();
          isSettled = true;
        }
        optimist.advance(Date.now());
        pessimist.advance(pessimistMs());
        if (each.kind === "evict" || each.kind === "crash") {
          await user.remaining();
          await user[each.kind]();
          if (!isSettled) {
            pessimist.charge(chunkMilli);
            const beforeMs = Math.max(Date.now(), heldUntilMs);
            heldUntilMs = Date.now() + FLOOR_HOLD_MS;
            lateMs += Math.max(Date.now(), heldUntilMs) - beforeMs;
            // The floor was held since it was written, so what was refilled since then is lost too.
            const refillMs = Math.min(FLOOR_HOLD_MS, Date.now() - unsettledSinceMs);
            pessimist.charge(Math.ceil((numbers[0] * refillMs) / numbers[1]));
            deaths += 1;
          }
          isSettled = true;
        }
        if (each.kind !== "decide") continue;

        const costMilli = Math.floor((burstMilli * each.share) / 1_000);
        const batch = Array.from({ length: each.times }, () => ({ costMilli }));
        const decided = each.inOneCall ? await user.decideAll(batch) : [];
        if (isSettled) unsettledSinceMs = Date.now();
        isSettled = false;
        for (let i = 0; i < each.times; i++) {
          // Each crash rounds to a thousandth when the floor is written, and when it is read.
          const must = pessimist.holds(costMilli + 2 * deaths);
          const may = optimist.holds(costMilli);
          const { allowed, retryAfterMs, limits } = decided[i] ?? (await user.decide({ costMilli }));
          if (allowed) {
            expect(may).toBe(true);
            for (const model of [optimist, pessimist]) model.charge(costMilli);
            bound.admit(Date.now(), costMilli);
            admittedMilli += costMilli;
          } else {
            expect(must).toBe(false);
            denials += 1;
            if (deaths === 0) {
              const atMs = optimist.retryAtMs(costMilli);
              expect(retryAfterMs).toBe(atMs === Infinity ? null : atMs - Date.now());
            }
          }
          const leftMilli = Math.round((limits[0]?.remaining ?? NaN) * 1_000);
          expect(leftMilli).toBeLessThanOrEqual(optimist.remainingMilli());
          expect(leftMilli).toBeGreaterThanOrEqual(pessimist.remainingMilli() - 2 * deaths);
        }
      }

      expect(bound.holds).toBe(true);
      const ledgerMilli = Math.round((await user.status()).usage.month.cost * 1_000);
      expect(ledgerMilli).toBeLessThanOrEqual(admittedMilli);
      expect(ledgerMilli).toBeGreaterThanOrEqual(admittedMilli - deaths * chunkMilli);
      crashes += deaths;
    }),
    { numRuns: 60 },
  );
  // The schedules did include crashes and denials.
  expect(crashes).toBeGreaterThan(20);
  expect(denials).toBeGreaterThan(50);
}, 20_000);
