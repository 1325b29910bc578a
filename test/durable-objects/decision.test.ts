/** What a user's object decides: by the limits, to the token and to the millisecond. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bucket, later, publish, publishLimits, quota, START_MS, startClock, stopClock } from "./fixture.ts";
import { DAY_MS } from "../../src/core/time.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

describe("a bucket of 60 a minute, burst 10", () => {
  /** What happens, in order: wait, ask for a cost, and what is said. */
  const table = [
    { waitMs: 0, cost: 1, allowed: true, remaining: 9, resetMs: 1_000, retryAfterMs: 0 },
    { waitMs: 0, cost: 9, allowed: true, remaining: 0, resetMs: 1_000, retryAfterMs: 0 },
    { waitMs: 0, cost: 1, allowed: false, remaining: 0, resetMs: 1_000, retryAfterMs: 1_000 },
    { waitMs: 999, cost: 1, allowed: false, remaining: 0.999, resetMs: 1, retryAfterMs: 1 },
    { waitMs: 1, cost: 1, allowed: true, remaining: 0, resetMs: 1_000, retryAfterMs: 0 },
    { waitMs: 2_500, cost: 5, allowed: false, remaining: 2.5, resetMs: 7_500, retryAfterMs: 2_500 },
    { waitMs: 0, cost: 2.5, allowed: true, remaining: 0, resetMs: 1_000, retryAfterMs: 0 },
    { waitMs: 60_000, cost: 10.001, allowed: false, remaining: 10, resetMs: 0, retryAfterMs: null },
    { waitMs: 0, cost: 10, allowed: true, remaining: 0, resetMs: 1_000, retryAfterMs: 0 },
    { waitMs: 1, cost: 0.002, allowed: false, remaining: 0.001, resetMs: 999, retryAfterMs: 1 },
    { waitMs: 0, cost: 0.001, allowed: true, remaining: 0, resetMs: 1_000, retryAfterMs: 0 },
    { waitMs: 0, cost: 0, allowed: true, remaining: 0, resetMs: 1_000, retryAfterMs: 0 },
  ];

  it("is decided by the core, step by step", async () => {
    const user = new UserObject(await publishLimits(bucket(60, "minute", 10)));
    for (const [step, { waitMs, cost, allowed, retryAfterMs, ...view }] of table.entries()) {
      later(waitMs);
      const decision = await user.decide({ costMilli: Math.round(cost * 1000) });
      expect({ step, ...decision }).toMatchObject({ step, allowed, cost, retryAfterMs, source: "strict" });
      expect({ step, limits: decision.limits }).toMatchObject({
        step,
        limits: [{ name: "bucket", limit: 10, windowMs: 10_000, ...view }],
      });
      expect(decision.violated).toEqual(allowed ? [] : ["bucket"]);
      expect(decision.outcome).toBe(allowed ? "allowed" : "denied");
    }
  });
});

it("admits the burst, then the same request at retryAfterMs and not a millisecond earlier", async () => {
  // 7 a minute: no whole number of milliseconds per token.
  const user = new UserObject(await publishLimits(bucket(7, "minute", 3)));
  expect(await user.allowedOf(5)).toBe(3);
  const { retryAfterMs } = await user.decide();
  expect(retryAfterMs).toBe(Math.ceil(60_000 / 7));
  later(Math.ceil(60_000 / 7) - 1);
  expect(await user.decide()).toMatchObject({ allowed: false, retryAfterMs: 1 });
  later(1);
  expect(await user.decide()).toMatchObject({ allowed: true });
});

it("counts a quota to its last token and starts again when the period ends", async () => {
  const user = new UserObject(await publishLimits(quota(5, "day")));
  expect(await user.allowedOf(7)).toBe(5);
  expect(await user.decide()).toMatchObject({
    allowed: false,
    retryAfterMs: DAY_MS / 2,
    violated: ["quota"],
  });
  later(DAY_MS / 2 - 1);
  expect(await user.decide()).toMatchObject({ allowed: false, retryAfterMs: 1 });
  later(1);
  expect(await user.allowedOf(7)).toBe(5);
  expect(Date.now()).toBe(START_MS + DAY_MS / 2);
});

it("charges nothing for a peek, and answers as a request would be", async () => {
  const user = new UserObject(await publishLimits(bucket(1, "minute", 2)));
  for (let i = 0; i < 5; i++) {
    expect(await user.decide({ peek: true })).toMatchObject({ allowed: true, limits: [{ remaining: 2 }] });
  }
  await user.decide({ costMilli: 2_000 });
  for (let i = 0; i < 5; i++) {
    expect(await user.decide({ peek: true })).toMatchObject({ allowed: false, retryAfterMs: 60_000 });
  }
  expect((await user.status()).usage.hour).toEqual({ requests: 1, cost: 2, denied: 0 });
});

it("takes the route's cost if the request names none, and one token if there is no route", async () => {
  const revision = await publish({ free: { limits: [bucket(1, "day", 100)] } }, [
    { match: "/compare", cost: 2.5 },
  ]);
  const user = new UserObject(revision);
  expect(await user.decide({ route: "/compare" })).toMatchObject({
    cost: 2.5,
    limits: [{ remaining: 97.5 }],
  });
  expect(await user.decide({ route: "/compare", costMilli: 4_000 })).toMatchObject({ cost: 4 });
  expect(await user.decide()).toMatchObject({ cost: 1, limits: [{ remaining: 92.5 }] });
});

it("decides a batch in order, like requests one after the other", async () => {
  const user = new UserObject(await publishLimits(bucket(1, "day", 5)));
  const decisions = await user.decideAll([3, 3, 2, 1].map((cost) => ({ costMilli: cost * 1000 })));
  expect(decisions.map(({ allowed }) => allowed)).toEqual([true, false, true, false]);
  expect(decisions.map(({ limits }) => limits[0]?.remaining)).toEqual([2, 2, 0, 0]);
  expect(new Set(decisions.map(({ decisionId }) => decisionId)).size).toBe(4);
});

it("admits no more than the burst however many ask at once, even while the policy is loading", async () => {
  // BerriAI/litellm#18730
  const user = new UserObject(await publishLimits(bucket(1, "day", 20)));
  const decisions = await Promise.all(Array.from({ length: 60 }, () => user.decide()));
  expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(20);
  expect((await user.status()).usage.hour).toEqual({ requests: 20, cost: 20, denied: 40 });
});

it("hands out nothing when the clock steps back", async () => {
  const user = new UserObject(await publishLimits(bucket(60, "minute", 10)));
  expect(await user.allowedOf(12)).toBe(10);
  later(-30_000);
  expect(await user.decide()).toMatchObject({ allowed: false, retryAfterMs: 31_000 });
  later(30_000);
  expect(await user.decide()).toMatchObject({ allowed: false, retryAfterMs: 1_000 });
});
