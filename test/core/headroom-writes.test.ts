/** The size of the headroom, and how rarely an object therefore writes. Counts, never timings. */
import { describe, expect, it } from "vitest";
import { type Charge, decidePlan } from "../../src/core/plan.ts";
import { FLOOR_HOLD_MS, MAX_HEADROOM_MILLI, nextFloor, headroomMilli } from "../../src/core/headroom.ts";
import { compiled, compiledQuota, START_MS } from "./arbitraries.ts";
import { FAST, fast, hourly, quick, tiny } from "./simulated-limits.ts";
import { SimulatedObject, SimulatedStorage } from "./simulated-object.ts";

describe("the headroom", () => {
  it("is 2 % of the smallest quota, at least one token, at most 256", () => {
    const of = (tokens: number): Charge => ({
      counter: `${tokens}`,
      limit: compiledQuota({ kind: "quota", amountMilli: tokens * 1000, period: "day", anchorDay: 1 }),
    });
    expect(headroomMilli([of(150)])).toBe(3_000);
    expect(headroomMilli([of(1_500)])).toBe(30_000);
    expect(headroomMilli([of(50_000), of(150)])).toBe(3_000);
    expect(headroomMilli([of(150), of(50_000)])).toBe(3_000);
    expect(headroomMilli([of(50)])).toBe(1_000);
    expect(headroomMilli([of(5)])).toBe(1_000);
    expect(headroomMilli([of(1_000_000)])).toBe(MAX_HEADROOM_MILLI);
    expect(headroomMilli([])).toBe(256_000);
  });

  it("of a bucket is its refill of five seconds if that is more, up to a tenth of it", () => {
    const of = (refillMilli: number, capacityMilli: number): Charge => ({
      counter: "bucket",
      limit: compiled({ kind: "bucket", refillMilli, per: "minute", capacityMilli }),
    });
    expect(headroomMilli([of(100_000, 150_000)])).toBe(8_000);
    expect(headroomMilli([of(1_000_000, 1_500_000)])).toBe(83_000);
    expect(headroomMilli([of(6_000_000, 1_000_000)])).toBe(100_000);
    expect(headroomMilli([of(1_000, 1_000_000)])).toBe(20_000);
    expect(headroomMilli([of(5_000, 5_000)])).toBe(1_000);
  });
});

describe("writes", () => {
  /** Spends greedily. @returns how many requests were admitted, and how many writes they took. */
  function spent(
    charges: readonly Charge[],
    cost: number,
    asks: number,
    everyMs: number,
  ): { allowed: number; writes: number } {
    const storage = new SimulatedStorage();
    const object = new SimulatedObject(storage, []);
    let allowed = 0;
    for (let n = 0; n < asks; n++) {
      if (object.ask(charges, cost, START_MS + n * everyMs) === "allowed") allowed++;
    }
    return { allowed, writes: storage.writes };
  }

  it("are one per headroom: 400 requests of a burst of 400 take 23 writes", () => {
    // 2 % of the quota of 900 tokens are 18.
    expect(spent([fast, hourly], 1_000, 500, 0)).toEqual({ allowed: 400, writes: 23 });
  });

  it("are as few for a busy user of any cost, with refill, over a minute", () => {
    for (const cost of [1, 250, 1_000, 1_333, 3_000, 8_000]) {
      const perWrite = Math.floor(headroomMilli([fast, hourly]) / cost);
      const everyMs = Math.max(0, Math.floor(cost / 25)); // faster than the refill of 16.6 millitokens a ms
      const { allowed, writes } = spent([fast, hourly], cost, 1_500, everyMs);
      expect(allowed).toBeGreaterThan(0);
      expect(writes).toBeLessThanOrEqual(Math.ceil(allowed / perWrite));
    }
  });

  it("are one per request that costs more than the headroom, and per request of a tiny limit", () => {
    expect(spent([fast], 40_001, 40, 0)).toEqual({ allowed: 9, writes: 9 });
    expect(spent([tiny, fast], 1_000, 9, 0)).toEqual({ allowed: 5, writes: 5 });
  });

  it("are one in a few seconds for a user far below a limit that refills fast, whatever the number of requests", () => {
    const huge: Charge = {
      counter: "huge",
      limit: compiled({ kind: "bucket", refillMilli: 1e12, per: "minute", capacityMilli: 1.5e12 }),
    };
    expect(spent([huge], 1_000, 20_000, 1).writes).toBeLessThanOrEqual(5);
    expect(spent([fast], 1_000, 100, 200).writes).toBeLessThanOrEqual(10);
  });

  it("are as few for a user who spends little of a limit that is full again within seconds", () => {
    // A tenth of it refills in a fifth of a second: a floor that is not held would be useless at the next request.
    expect(spent([quick], 1_000, 101, 500)).toEqual({ allowed: 101, writes: 10 });
    expect(spent([quick, hourly], 1_000, 101, 500).writes).toBeLessThanOrEqual(17);
  });

  it("hold a floor for five seconds", () => {
    const { after } = decidePlan([quick], new Map(), 1_000, START_MS);
    const floor = nextFloor(quick.limit, after[0]?.state, 10_000, 1_000, false, START_MS);
    expect(floor).toMatchObject({ kind: "bucket", atMs: START_MS + FLOOR_HOLD_MS });
  });

  it("are none for a denial or a peek", () => {
    const storage = new SimulatedStorage();
    const object = new SimulatedObject(storage, []);
    object.ask([fast], FAST.capacityMilli, START_MS);
    for (let n = 0; n < 100; n++) expect(object.ask([fast], 1_000, START_MS)).toBe("denied");
    for (let n = 0; n < 100; n++) expect(object.ask([fast], 0, START_MS)).toBe("allowed");
    expect(storage.writes).toBe(1);
  });
});
