/** A limit of any kind at rest: nothing is spent, so its state can be dropped, and the moment is known in advance. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAtRest, type Limit, meterAt, restsAtMs, spend } from "../../src/core/limit.ts";
import { bucketSpec, compiled, compiledQuota, quotaSpec, START_MS } from "./arbitraries.ts";

describe("a bucket or a quota after spending", () => {
  const limit = fc.oneof(
    bucketSpec.map<Limit>((spec) => compiled(spec)),
    quotaSpec.map<Limit>((spec) => compiledQuota(spec)),
  );
  const thousandths = fc.integer({ min: 1, max: 1_000 });

  it("is at rest from the predicted moment, and not a millisecond earlier", () => {
    fc.assert(
      fc.property(limit, thousandths, (each, share) => {
        const capacity =
          each.kind === "bucket" ? each.capacityMilli : each.kind === "quota" ? each.amountMilli : 0;
        const costMilli = Math.max(1, Math.floor((capacity / 1000) * share));
        const { state } = spend(meterAt(each, undefined, START_MS), costMilli);
        const restMs = restsAtMs(meterAt(each, state, START_MS));
        expect(isAtRest(meterAt(each, state, restMs - 1))).toBe(false);
        expect(isAtRest(meterAt(each, state, restMs))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("has as much left at rest as one that was never used", () => {
    fc.assert(
      fc.property(limit, (each) => {
        const { state } = spend(meterAt(each, undefined, START_MS), 1);
        const restMs = restsAtMs(meterAt(each, state, START_MS));
        expect(meterAt(each, state, restMs)).toEqual(meterAt(each, undefined, restMs));
      }),
      { numRuns: 500 },
    );
  });
});
