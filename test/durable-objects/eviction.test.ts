/**
 * What a user has left after an eviction or a crash: everything if they had paused; after a crash within the headroom never more than
 * before, and at most one headroom less.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MAX_HEADROOM_MILLI, HEADROOM_SHARE } from "../../src/core/headroom.ts";
import { toTokens } from "../../src/core/units.ts";
import { withoutLimits } from "../../src/policy/unlimited.ts";
import { bucket, later, publish, publishLimits, quota, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

const CAPACITY = 1_000;
/** Its headroom, tokens. */
const HEADROOM = CAPACITY * HEADROOM_SHARE;

describe.each(["evict", "crash"] as const)("%s after a pause", (end) => {
  it("continues from the exact count", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", CAPACITY), quota(5_000, "month")));
    await user.allowedOf(27);
    await user.decide({ costMilli: 1_500 });
    await user.pause();
    const before = await user.remaining();
    await user[end]();
    expect(await user.remaining()).toEqual(before);
    expect(before).toEqual([971.5, 4_971.5]);
    expect((await user.status()).usage.month).toEqual({ requests: 28, cost: 28.5, denied: 0 });
  });

  it("continues from the exact count, however often it happens", async () => {
    // cloudflare/workers-sdk#14962
    const user = new UserObject(await publishLimits(bucket(1, "day", 100)));
    for (let i = 0; i < 10; i++) {
      expect(await user.allowedOf(11)).toBe(i < 9 ? 11 : 1);
      await user.pause();
      await user[end]();
    }
    expect(await user.allowedOf(5)).toBe(0);
    expect((await user.status()).usage.month).toEqual({ requests: 100, cost: 100, denied: 15 });
  });
});

it("shows a lease that was open when the object died as charged after it expired, and refilled since", async () => {
  const limits = [bucket(10, "second", CAPACITY)];
  const user = new UserObject(await publish({ free: { limits, mode: "leased" } }));
  await user.lease(200_000);
  await user.crash();
  // One headroom is lent, and one may have been spent.
  expect((await user.status()).limits).toMatchObject([{ remaining: CAPACITY - 51 - 50 }]);
  later(6_000 + 2_000);
  // The floor is held for five seconds. What was lent refills from the sixth on.
  expect((await user.status()).limits).toMatchObject([{ remaining: CAPACITY - 51 - 50 + 30 }]);
});

describe.each(["evict", "crash"] as const)("%s within the headroom", (end) => {
  it("never has more left than before, and at most one headroom less", async () => {
    for (const spent of [1, 2, HEADROOM - 1, HEADROOM, HEADROOM + 1, 3 * HEADROOM - 1]) {
      const user = new UserObject(await publishLimits(bucket(1, "day", CAPACITY)));
      expect(await user.allowedOf(spent)).toBe(spent);
      await user[end]();
      const [left = NaN] = await user.remaining();
      expect(left).toBeLessThanOrEqual(CAPACITY - spent);
      expect(left).toBeGreaterThanOrEqual(CAPACITY - spent - HEADROOM);
    }
  });

  it("never has more in the ledger than was admitted, and at most one headroom less", async () => {
    for (const spent of [1, 2, HEADROOM - 1, HEADROOM, HEADROOM + 1, 3 * HEADROOM - 1]) {
      const user = new UserObject(await publishLimits(bucket(1, "day", CAPACITY)));
      await user.allowedOf(spent);
      await user[end]();
      const { requests, cost } = (await user.status()).usage.month;
      expect(cost).toBe(requests);
      expect(cost).toBeLessThanOrEqual(spent);
      expect(cost).toBeGreaterThanOrEqual(spent - HEADROOM);
    }
  });

  it("returns nothing that a client may have used: the total never exceeds the capacity", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 300)));
    let admitted = 0;
    // 2 % of 300 tokens is 6, of which each life spends 4.
    for (let life = 0; life < 60; life++) {
      const decisions = await user.decideAll([{}, {}, {}, {}]);
      admitted += decisions.filter(({ allowed }) => allowed).length;
      await user[end]();
    }
    expect(admitted).toBe((300 / 6) * 4);
    expect((await user.status()).usage.month.cost).toBeLessThanOrEqual(admitted);
  });

  it("loses nothing of a limit of at most 50 tokens", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 50), quota(50, "month")));
    let admitted = 0;
    for (let life = 0; life < 20; life++) {
      admitted += await user.allowedOf(4);
      await user[end]();
    }
    expect(admitted).toBe(50);
    expect((await user.status()).usage.month.cost).toBe(50);
  });
});

it("loses no more of an unlimited tier's ledger than the largest headroom", async () => {
  const user = new UserObject(await publish({ free: { limits: [] } }));
  await user.decide();
  await user.decideAll(Array.from({ length: 900 }, () => ({})));
  const most = toTokens(MAX_HEADROOM_MILLI);
  expect(await user.allowedOf(most)).toBe(most);
  await user.crash();
  const { cost } = (await user.status()).usage.month;
  expect(cost).toBeLessThanOrEqual(901 + most);
  expect(cost).toBeGreaterThanOrEqual(901);
});

it("loses no more of a quota by requests that a rule lets through than by others", async () => {
  const user = new UserObject(await publishLimits(quota(200, "month")));
  const tier = withoutLimits("free");
  // A lone request is written exactly.
  await user.decide();
  for (let i = 0; i < 9; i++) await user.decide({ tier });
  await user.crash();
  const [left = 0] = await user.remaining();
  expect(left).toBeLessThanOrEqual(190);
  expect(left).toBeGreaterThanOrEqual(190 - 200 * HEADROOM_SHARE);
});

it("refills again five seconds after a crash", async () => {
  const user = new UserObject(await publishLimits(bucket(1, "second", 150)));
  await user.allowedOf(4);
  await user.crash();
  later(11_000);
  expect(await user.remaining()).toEqual([150]);
  expect(await user.allowedOf(152)).toBe(150);
});

it("remembers every answer that was sent when it is killed while others are in progress", async () => {
  const user = new UserObject(await publishLimits(bucket(1, "day", 50)));
  const calls = Array.from({ length: 40 }, () => user.decide());
  await Promise.race(calls);
  await user.crash();
  const answers = await Promise.allSettled(calls);
  const answered = answers.filter(({ status }) => status === "fulfilled").length;
  expect(answered).toBeGreaterThan(0);
  const [left = NaN] = await user.remaining();
  expect(left).toBeLessThanOrEqual(50 - answered);
  expect(left).toBeGreaterThanOrEqual(50 - 40);
  expect((await user.status()).usage.month.cost).toBe(50 - left);
});

describe("durability exact", () => {
  it("keeps every admitted decision even if the object is killed right after each", async () => {
    const user = new UserObject(
      await publish({ free: { limits: [bucket(1, "day", CAPACITY)], durability: "exact" } }),
    );
    for (let n = 1; n <= 30; n++) {
      expect((await user.decide({ costMilli: 1_500 })).allowed).toBe(true);
      await user.crash();
      expect(await user.remaining()).toEqual([1_000 - 1.5 * n]);
      expect((await user.status()).usage.month).toEqual({ requests: n, cost: 1.5 * n, denied: 0 });
    }
  });

  it("follows the account's tier, not the request's", async () => {
    const tiers = {
      free: { limits: [bucket(1, "day", CAPACITY)] },
      sure: { limits: [bucket(1, "day", CAPACITY)], durability: "exact" as const },
    };
    const user = new UserObject(await publish(tiers));
    await user.stub.createAccount("u", { name: "U", tier: "sure" });
    await user.allowedOf(3, { tier: "free" });
    await user.crash();
    expect(await user.remaining()).toEqual([997]);
  });
});
