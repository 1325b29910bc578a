/** The limits on the user screen: levels between answers, the burn-down of quotas, and texts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HOUR_MS } from "../../dashboard/src/shell/durations.ts";
import { burnDown, type QuotaNow } from "../../dashboard/src/user/burn-down.ts";
import type { LimitReading } from "../../dashboard/src/shell/answers.ts";
import { drawnAt, levelAt, MOVE_MS } from "../../dashboard/src/user/limit-level.ts";
import {
  amountsText,
  numbersText,
  withUnits,
  inheritedText,
  keptText,
  levelText,
  motionText,
  orphanedText,
  shortageOf,
  spansText,
  tierChanges,
} from "../../dashboard/src/user/limit-text.ts";
import * as bucket from "../../src/core/token-bucket.ts";

const MINUTE: LimitReading = {
  name: "minute",
  kind: "bucket",
  limit: 150,
  remaining: 30,
  resetMs: 72_000,
  windowMs: 90_000,
};
const MONTH: LimitReading = { ...MINUTE, name: "month", kind: "quota", remaining: 30, resetMs: 5_000 };

describe("a quota whose usage is billed", () => {
  const billed: LimitReading = { ...MONTH, limit: 150, remaining: 30, included: 100, over: 20 };
  const uncapped: LimitReading = { ...billed, limit: 2 ** 50 / 1000, remaining: 2 ** 50 / 1000 - 120 };

  it("says what is included and what is over, and what is left to a cap", () => {
    expect(levelText(billed, 30)).toBe("30 of 150 tokens left");
    expect(motionText(billed, 0)).toBe("100 included, 20 over, resets in 5 s");
    expect(motionText({ ...billed, remaining: 60, over: 0 }, 0)).toBe("100 included, resets in 5 s");
  });

  it("says what is used if nothing caps it", () => {
    expect(levelText(uncapped, uncapped.remaining)).toBe("120 tokens used, no cap");
    expect(shortageOf(uncapped, uncapped.remaining)).toBeNull();
  });
});

describe("a level between answers", () => {
  it("rises as the bucket itself does, and no higher than full", () => {
    const amounts = fc.record({
      refill: fc.integer({ min: 1, max: 5_000 }),
      burst: fc.integer({ min: 1_000, max: 9_000 }),
      spent: fc.integer({ min: 0, max: 9_000 }),
      elapsedMs: fc.integer({ min: 0, max: 7_200_000 }),
    });
    fc.assert(
      fc.property(amounts, ({ refill, burst, spent, elapsedMs }) => {
        const limit = bucket.tokenBucket("b", refill * 1_000, "hour", burst * 1_000);
        if (!limit) return;
        const state = bucket.spend(limit, bucket.fresh(limit, 0), Math.min(spent, burst) * 1_000);
        const tokens = (ms: number) => bucket.remainingMilli(limit, bucket.at(limit, state, ms)) / 1_000;
        const reading: LimitReading = {
          ...MINUTE,
          limit: burst,
          remaining: tokens(0),
          windowMs: bucket.windowMs(limit),
        };
        // The window is in whole milliseconds.
        expect(Math.abs(levelAt(reading, elapsedMs) - tokens(elapsedMs))).toBeLessThan(0.02);
      }),
      { numRuns: 200 },
    );
  });

  it("is constant for a quota until its period ends, and for slots", () => {
    expect([0, 4_999, 5_000].map((ms) => levelAt(MONTH, ms))).toEqual([30, 30, 150]);
    expect(levelAt({ ...MONTH, kind: "concurrency" }, 60_000)).toBe(30);
  });

  it("is drawn from where it was, without a jump, and is exact once the move ends", () => {
    expect(drawnAt(MINUTE, 100, 0)).toBe(100);
    expect(drawnAt(MINUTE, 100, MOVE_MS / 2)).toBeGreaterThan(levelAt(MINUTE, MOVE_MS / 2));
    for (const ms of [MOVE_MS, 2_000]) expect(drawnAt(MINUTE, 100, ms)).toBe(levelAt(MINUTE, ms));
  });
});

describe("the burn-down of a quota", () => {
  const START_MS = Date.UTC(2026, 10, 1);
  const quota = (hoursIn: number, remaining: number): QuotaNow => ({
    limit: 1_000,
    remaining,
    startMs: START_MS,
    nowMs: START_MS + hoursIn * HOUR_MS,
    endMs: START_MS + 100 * HOUR_MS,
  });
  const steady = (count: number, cost: number) =>
    Array.from({ length: count }, (_, i) => ({ atMs: START_MS + i * HOUR_MS, cost }));

  it("is computed back from what is left now, horizontal without usage", () => {
    const hours = [
      { atMs: START_MS + 2 * HOUR_MS, cost: 100 },
      { atMs: START_MS + 8 * HOUR_MS, cost: 50 },
    ];
    const line = burnDown(quota(10, 850), hours).past.map(({ atMs, remaining }) => [
      (atMs - START_MS) / HOUR_MS,
      remaining,
    ]);
    expect(line).toEqual([
      [0, 1_000],
      [2, 1_000],
      [3, 900],
      [8, 900],
      [9, 850],
      [10, 850],
    ]);
  });

  it("never exceeds the quota, even after a reset that the ledger does not count", () => {
    const { past } = burnDown(quota(10, 990), steady(10, 50));
    expect(Math.max(...past.map(({ remaining }) => remaining))).toBe(1_000);
  });

  it("continues at the observed pace, and says when it is used up", () => {
    const { perHour, runsOutMs, ahead } = burnDown(quota(25, 500), steady(25, 20));
    expect(perHour).toBe(20);
    expect(runsOutMs.likely).toBeCloseTo(START_MS + 50 * HOUR_MS, -2);
    expect(ahead.at(-1)).toMatchObject({ atMs: START_MS + 100 * HOUR_MS, likely: 500 - 75 * 20 });
    const { earliest, latest } = runsOutMs;
    expect(earliest).toBeLessThan(runsOutMs.likely ?? 0);
    expect(latest).toBeGreaterThan(runsOutMs.likely ?? 0);
  });

  it("goes to what the API expects if it has a forecast, with a band that never exceeds what is left", () => {
    const expected = { expected: 300, low: 200, high: 600 };
    const { perHour, runsOutMs, ahead } = burnDown(quota(25, 500), steady(25, 20), expected);
    expect(perHour).toBe(4);
    expect(ahead[0]).toEqual({ atMs: START_MS + 25 * HOUR_MS, low: 500, likely: 500, high: 500 });
    expect(ahead.at(-1)).toEqual({ atMs: START_MS + 100 * HOUR_MS, low: -100, likely: 200, high: 300 });
    expect([runsOutMs.likely, runsOutMs.latest]).toEqual([null, null]);
    expect(runsOutMs.earliest).toBeGreaterThan(START_MS + 25 * HOUR_MS);
    for (const { low, likely, high } of ahead) {
      expect(low).toBeLessThanOrEqual(likely);
      expect(likely).toBeLessThanOrEqual(high);
      expect(high).toBeLessThanOrEqual(500);
    }
  });

  it("has no forecast of its own if the API has too little to tell", () => {
    const { ahead, perHour } = burnDown(quota(25, 500), steady(25, 20), null);
    expect([ahead, perHour]).toEqual([[], null]);
  });

  it("counts idle hours as 0, and extrapolates the current hour", () => {
    expect(burnDown(quota(25, 900), [{ atMs: START_MS, cost: 100 }]).perHour).toBe(4);
    const half = quota(24.5, 900);
    const busy = { atMs: START_MS + 24 * HOUR_MS, cost: 100 };
    expect(burnDown(half, [{ atMs: START_MS, cost: 50 }, busy]).perHour).toBe((50 + 200) / 25);
  });

  it("has no forecast before a day was observed, and says from when on there is one", () => {
    const early = burnDown(quota(2.03, 900), steady(3, 30));
    expect([early.ahead, early.perHour, early.runsOutMs.likely]).toEqual([[], null, null]);
    expect(early.past.length).toBeGreaterThan(1);
    expect(early.forecastFromMs).toBe(START_MS + 24 * HOUR_MS);
    expect(burnDown(quota(23.99, 900), steady(24, 5)).ahead).toEqual([]);
    expect(burnDown(quota(24, 900), steady(24, 5)).ahead).not.toEqual([]);
    // The week before counts, even if the period has just begun.
    const before = steady(30, 5).map(({ atMs, cost }) => ({ atMs: atMs - 30 * HOUR_MS, cost }));
    expect(burnDown(quota(0.5, 900), before).ahead).not.toEqual([]);
  });

  it("has a band that grows with time, is wider for few hours, and never exceeds what is left", () => {
    const widths = (count: number) =>
      burnDown(quota(count, 900), steady(count, 5)).ahead.map(({ low, likely }) => likely - low);
    const many = widths(50);
    expect(many).toEqual(many.toSorted((a, b) => a - b));
    expect(many[0]).toBe(0);
    // Both about 50 hours ahead.
    expect((widths(24)[32] ?? 0) / (many[48] ?? 1)).toBeGreaterThan(1.2);
    for (const { high } of burnDown(quota(24, 900), steady(24, 5)).ahead)
      expect(high).toBeLessThanOrEqual(900);
  });

  it("contains the outcome of random hours in about 8 of 10 cases", () => {
    let seed = 7;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    let held = 0;
    for (let trial = 0; trial < 400; trial++) {
      const seen = steady(50, 0).map(({ atMs }) => ({ atMs, cost: random() * 10 }));
      let spent = 0;
      for (let hour = 0; hour < 50; hour++) spent += random() * 10;
      const last = burnDown({ ...quota(50, 1_000), limit: 2_000 }, seen).ahead.at(-1);
      if (last && 1_000 - spent >= last.low && 1_000 - spent <= last.high) held += 1;
    }
    expect(held / 400).toBeGreaterThan(0.74);
    expect(held / 400).toBeLessThan(0.93);
  });

  it("is less certain if busy hours cluster than if they are spread out", () => {
    const last = (isBusy: (hour: number) => boolean) => {
      const hours = steady(48, 0).map(({ atMs }, i) => ({ atMs, cost: isBusy(i) ? 20 : 1 }));
      return burnDown({ ...quota(48, 5_000), limit: 6_000 }, hours).ahead.at(-1);
    };
    const together = last((hour) => hour % 24 < 12);
    const spread = last((hour) => hour % 2 === 0);
    expect(together?.likely).toBe(spread?.likely);
    expect(together?.low).toBeLessThan((spread?.low ?? 0) - 200);
  });

  it("uses only the last week", () => {
    const old = [{ atMs: START_MS, cost: 500 }];
    const later = { ...quota(169, 500), endMs: START_MS + 700 * HOUR_MS };
    expect(burnDown(later, old).perHour).toBeNull();
    expect(burnDown({ ...later, nowMs: START_MS + 167 * HOUR_MS }, old).perHour).toBeCloseTo(500 / 167);
  });

  it("forecasts nothing without usage", () => {
    const { ahead, perHour, runsOutMs, forecastFromMs } = burnDown(quota(20, 1_000), []);
    expect([ahead, perHour, runsOutMs.likely, forecastFromMs]).toEqual([[], null, null, null]);
  });
});

describe("limit texts", () => {
  it("name the unit of each limit, and requests only if there are other units", () => {
    const tpm = { ...MINUTE, name: "tpm", unit: "tokens", limit: 10_000 };
    expect(withUnits([MINUTE, tpm]).map((reading) => levelText(reading, 92))).toEqual([
      "92 of 150 requests left",
      "92 of 10,000 tokens left",
    ]);
    expect(withUnits([MINUTE])).toEqual([MINUTE]);
    expect(numbersText({ tokens: 10_000, per: "minute", unit: "tokens" })).toBe("10,000 tokens per minute");
    expect(amountsText(2, { rows: 0.5, tokens: 12_000 })).toBe("2 requests, 0.5 rows, 12,000 tokens");
  });

  it("say what is left and how it refills, in a unit with whole tokens", () => {
    expect(levelText(MINUTE, 147.94)).toBe("147 of 150 tokens left");
    expect(levelText({ ...MINUTE, limit: 5 }, 2.94)).toBe("2.9 of 5 tokens left");
    expect(levelText({ ...MINUTE, kind: "concurrency", limit: 5 }, 2.9)).toBe("2 of 5 slots free");
    expect(motionText(MINUTE, 0)).toBe("refills 1.7 per second, full in 72 s");
    expect(motionText({ ...MINUTE, limit: 5, remaining: 5, windowMs: 432_000_000 }, 0)).toBe(
      "refills 1 per day, full",
    );
    expect(motionText(MONTH, 1_000)).toBe("resets in 4 s");
  });

  it("warn about a bucket or quota that is nearly used up, and about slots only when all are in use", () => {
    const texts = (reading: LimitReading, levels: readonly number[]) =>
      levels.map((level) => shortageOf(reading, level)?.text ?? null);
    expect(texts(MINUTE, [15, 14.9, 0.9])).toEqual([null, "nearly used up", "used up"]);
    expect([14.9, 0.9].map((level) => shortageOf(MINUTE, level)?.tone)).toEqual(["warning", "denied"]);
    const slots = { ...MINUTE, kind: "concurrency", limit: 20 } as const;
    expect(texts(slots, [20, 1, 0])).toEqual([null, null, "all in use"]);
  });

  it("relate a day to its hour and its month without repeating a figure", () => {
    expect(spansText(3, 40, 1_200)).toBe("3 this hour · 1,200 this month");
    expect(spansText(40, 40, 40)).toBe("all in this hour");
    expect(spansText(3, 40, 40)).toBe("3 this hour");
    expect(spansText(0, 0, 7)).toBe("7 this month");
    expect(spansText(0, 40, 40)).toBe("all of this month");
    expect(spansText(0, 0, 0)).toBe("none this month");
  });

  it("name each limit that differs in another tier, and no other", () => {
    const minute = { name: "minute", kind: "bucket", tokens: 100, per: "minute" } as const;
    const month = { name: "month", kind: "quota", amount: 50_000, per: "month" } as const;
    const slots = { name: "slots", kind: "concurrency", max: 4 } as const;
    const to = { limits: [{ ...minute, burst: 150 }, month, slots] };
    expect(tierChanges({ limits: [minute, month] }, to)).toEqual([
      "minute: 100 per minute → 100 per minute, burst 150",
      "slots: no limit → 4 at once",
    ]);
    expect(tierChanges(to, { limits: [] })).toContain("slots: 4 at once → no limit");
  });
});

it("says what a new account takes over, and no more", () => {
  const nothing = { blocked: false, usage: false, limits: [], audit: false };
  expect(inheritedText({ ...nothing, usage: true, audit: true, limits: ["day", "month"] })).toBe(
    "The id was in use before: the account takes over its usage, its history and the spent part of day, month.",
  );
  expect(inheritedText({ ...nothing, usage: true })).toMatch(/takes over its usage\.$/);
  expect(inheritedText({ ...nothing, blocked: true })).toMatch(/^An account with this id .* blocked too\.$/);
});

it("says what an account keeps in another tier, and what has no effect because the policy lacks it", () => {
  expect(keptText(["day"], [])).toBe("It keeps its overrides for day instead of the new tier's limits.");
  // A grant adds to the new tier's limits.
  expect(keptText([], ["month"])).toBe("It keeps its grants for month.");
  expect(keptText(["day"], ["month"])).toBe(
    "It keeps its overrides for day instead of the new tier's limits and its grants for month.",
  );
  expect(keptText([], [])).toBe("");
  const account = {
    id: "a",
    name: "",
    tier: "gold",
    status: "active",
    limits: {},
    grants: [],
    version: 1,
    createdAt: "",
    updatedAt: "",
  } as const;
  const orphaned = { tier: true, limits: ["day"], grants: ["month"] };
  expect(orphanedText({ ...account, orphaned }, "free")).toBe(
    "The policy has no tier gold: the default tier free applies. Its overrides for day have no effect. Its grants for month have no effect.",
  );
  expect(orphanedText({ ...account, orphaned: { tier: false, limits: [], grants: [] } }, "free")).toBe("");
});
