/**
 * Which time refills a bucket at which rate, if rates change: with the policy, with the account's tier, or with the tier that a token names.
 *
 * A change never hands out what time could not have refilled, and a raised limit admits a denied user as soon as it should.
 */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HOUR_MS } from "../../src/core/time.ts";
import { documentKey } from "../../src/policy/policy-store.ts";
import type { LimitDocument } from "../../src/policy/schema.ts";
import { grantOf } from "../fixtures/control-grants.ts";
import { bucket, later, publish, quota, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

// Many sequential calls, possibly on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

const exact = (...limits: LimitDocument[]) => ({
  durability: "exact" as const,
  mode: "strict" as const,
  limits,
});
const loose = (...limits: LimitDocument[]) => ({ mode: "strict" as const, limits });

const SLOW = bucket(1, "day", 50);
const FAST = bucket(600, "minute", 50);
const MINUTE = bucket(60, "minute", 50);

/** Has an account, or is known by tokens alone. */
async function userOf(hasAccount: boolean, revision: number): Promise<UserObject> {
  const user = new UserObject(revision);
  if (hasAccount) await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
  return user;
}

describe.each([
  ["an account", true],
  ["tokens alone", false],
])("a policy that changes the rate, for a user with %s", (_, hasAccount) => {
  it("and raises it: admits a denied user when the Retry-After says, after the time before counted at the old rate", async () => {
    const user = await userOf(hasAccount, await publish({ free: exact(SLOW) }));
    expect(await user.allowedOf(51)).toBe(50);
    later(HOUR_MS);
    user.revision = await publish({ free: exact(FAST) });
    expect(await user.decide()).toMatchObject({ allowed: false, retryAfterMs: 96 });
    later(95);
    expect(await user.allowedOf(1)).toBe(0);
    later(1);
    expect(await user.allowedOf(2)).toBe(1);
    later(1_000);
    expect(await user.allowedOf(20)).toBe(10);
  });

  it.each(["evict", "crash"] as const)(
    "and meets an object after %s: the time before counts at the old rate",
    async (end) => {
      const user = await userOf(hasAccount, await publish({ free: exact(MINUTE) }));
      expect(await user.allowedOf(60)).toBe(50);
      await user[end]();
      later(2_000);
      user.revision = await publish({ free: exact(FAST) });
      expect(await user.allowedOf(60)).toBe(2);
      later(1_000);
      expect(await user.allowedOf(60)).toBe(10);
    },
  );

  it("and lowers it while the user sleeps: the sleep counts at the new rate, since nobody knows when it changed", async () => {
    const user = await userOf(hasAccount, await publish({ free: exact(FAST) }));
    expect(await user.allowedOf(51)).toBe(50);
    await user.crash();
    later(60_000);
    user.revision = await publish({ free: exact(SLOW) });
    expect(await user.allowedOf(1)).toBe(0);
  });

  it("and lowers it: the time until the last decision by the old policy counts at the old rate", async () => {
    const user = await userOf(hasAccount, await publish({ free: exact(MINUTE) }));
    expect(await user.allowedOf(51)).toBe(50);
    later(500);
    expect(await user.allowedOf(1)).toBe(0);
    later(2_000);
    user.revision = await publish({ free: exact(SLOW) });
    expect(await user.decide()).toMatchObject({ allowed: false, limits: [{ remaining: 0.5 }] });
    user.revision = await publish({ free: exact(MINUTE) });
    expect(await user.decide()).toMatchObject({ allowed: false, retryAfterMs: 500 });
    later(500);
    expect(await user.allowedOf(2)).toBe(1);
  });

  it("and lowers it, adopted by a denial: the next policy hands out nothing that this one has not refilled", async () => {
    const user = await userOf(hasAccount, await publish({ free: loose(MINUTE) }));
    expect(await user.allowedOf(51)).toBe(50);
    user.revision = await publish({ free: loose(SLOW) });
    expect(await user.allowedOf(1)).toBe(0);
    later(60_000);
    user.revision = await publish({ free: loose(SLOW) });
    expect(await user.allowedOf(51)).toBe(0);
    // Nor does the exact state that is written in a pause.
    await user.pause(70_000);
    expect(await user.allowedOf(51)).toBe(0);
  });

  it("and makes the limit a quota and back: the bucket refills at the present rate again", async () => {
    const user = await userOf(hasAccount, await publish({ free: exact(SLOW) }));
    expect(await user.allowedOf(51)).toBe(50);
    user.revision = await publish({ free: exact(quota(1_000, "month", "bucket")) });
    expect(await user.allowedOf(1)).toBe(1);
    user.revision = await publish({ free: exact(FAST) });
    expect(await user.allowedOf(1)).toBe(0);
    later(1_000);
    expect(await user.allowedOf(20)).toBe(10);
  });

  it("and lowers it while a lease is out that nobody settles: its charge refills at the new rate", async () => {
    const tier = (limit: LimitDocument) => ({ mode: "leased" as const, limits: [limit] });
    const user = await userOf(hasAccount, await publish({ free: tier(bucket(1_000, "second", 1_000)) }));
    await user.lease(100_000);
    expect(await user.allowedOf(1_001)).toBe(899);
    user.revision = await publish({ free: tier(bucket(1, "day", 1_000)) });
    expect(await user.allowedOf(1)).toBe(0);
    later(7_000);
    expect(await user.allowedOf(100)).toBe(0);
  });

  it("and raises it: a peek and the status promise no more than the next decision admits", async () => {
    const user = await userOf(hasAccount, await publish({ free: exact(SLOW) }));
    expect(await user.allowedOf(51)).toBe(50);
    later(60_000);
    user.revision = await publish({ free: exact(FAST) });
    expect(await user.decide({ peek: true })).toMatchObject({ allowed: false, retryAfterMs: 100 });
    expect((await user.status()).limits).toMatchObject([{ remaining: 0 }]);
    expect(await user.decide()).toMatchObject({ allowed: false, retryAfterMs: 100 });
  });

  it("and lowers it while nobody settles a lease of before: the time since then counts at the new rate", async () => {
    const tier = (limit: LimitDocument) => ({ mode: "leased" as const, limits: [limit] });
    const user = await userOf(hasAccount, await publish({ free: tier(bucket(1_000, "second", 1_000)) }));
    await user.lease(100_000);
    expect(await user.allowedOf(1_001)).toBe(899);
    user.revision = await publish({ free: tier(bucket(1, "day", 1_000)) });
    later(7_000);
    expect(await user.allowedOf(100)).toBe(0);
  });

  it.each([
    ["leaves it as it is: nothing of what was refilled", FAST, 200],
    ["raises it: nothing of what the old rate refilled", bucket(6_000, "minute", 50), 200],
    ["halves it: nothing of what the new rate refilled", bucket(300, "minute", 50), 100],
  ])("and %s is lost because nobody settled a lease of before", async (_what, after, refilled) => {
    const tier = (limit: LimitDocument) => ({
      mode: "leased" as const,
      limits: [{ ...limit, burst: 1_000 }],
    });
    const user = await userOf(hasAccount, await publish({ free: tier(FAST) }));
    await user.lease(20_000);
    await user.decide({ costMilli: 979_000 });
    expect(await user.remaining()).toEqual([0]);
    later(20_000);
    user.revision = await publish({ free: tier(after) });
    await user.decide();
    expect(await user.remaining()).toEqual([refilled - 1]);
  });

  it("and raises it: nothing is lent of what the time before did not refill", async () => {
    const tier = (limit: LimitDocument) => ({
      mode: "leased" as const,
      limits: [{ ...limit, burst: 1_000 }],
    });
    const user = await userOf(hasAccount, await publish({ free: tier(SLOW) }));
    await user.decide({ costMilli: 1_000_000 });
    later(100_000);
    user.revision = await publish({ free: tier(FAST) });
    await expect(user.lease(20_000, { peek: true })).rejects.toThrow("nothing was leased");
  });

  it("of a limit that another limit's denials hide: what it denies is refilled at the new rate", async () => {
    const both = (b: LimitDocument) => exact(bucket(1, "hour", 51, "a"), { ...b, name: "b" });
    const user = await userOf(hasAccount, await publish({ free: both(SLOW) }));
    expect(await user.allowedOf(51)).toBe(50);
    user.revision = await publish({ free: both(FAST) });
    expect(await user.allowedOf(1)).toBe(0);
    later(1_000);
    expect(await user.allowedOf(2)).toBe(1);
    expect(await user.decide({ peek: true })).toMatchObject({ limits: [{ remaining: 0 }, { remaining: 9 }] });
  });

  it("of a limit in shadow: what it would deny is refilled at the new rate", async () => {
    const shadow = (limit: LimitDocument) =>
      exact(bucket(1_000, "second", 1_000, "a"), { ...limit, shadow: true });
    const user = await userOf(hasAccount, await publish({ free: shadow(SLOW) }));
    for (let i = 0; i < 50; i++) await user.decide();
    expect(await user.decide()).toMatchObject({ shadowed: ["bucket"] });
    user.revision = await publish({ free: shadow(FAST) });
    expect(await user.decide()).toMatchObject({ shadowed: ["bucket"] });
    later(1_000);
    expect((await user.decide()).shadowed).toBeUndefined();
  });
});

describe("tokens that name different tiers", () => {
  it("each count the time since the last admission at their own rate, and a denied one holds nobody up", async () => {
    const user = new UserObject(await publish({ free: exact(SLOW), pro: exact(FAST) }));
    expect(await user.allowedOf(51)).toBe(50);
    later(1_000);
    expect(await user.allowedOf(20, { tier: "pro" })).toBe(10);
    for (let i = 0; i < 5; i++) {
      later(1_000);
      expect(await user.allowedOf(1)).toBe(0);
      expect(await user.allowedOf(20, { tier: "pro" })).toBe(10);
    }
  });

  it("of a faster tier are admitted when the Retry-After says, if a slower one has emptied the bucket", async () => {
    const user = new UserObject(await publish({ free: exact(SLOW), pro: exact(FAST) }));
    expect(await user.allowedOf(51)).toBe(50);
    expect(await user.decide({ tier: "pro" })).toMatchObject({ allowed: false, retryAfterMs: 100 });
    later(100);
    expect(await user.allowedOf(2, { tier: "pro" })).toBe(1);
  });

  it("lose one headroom at most in a crash, also if the floor was written for a slower tier", async () => {
    const [slow, fast] = [bucket(1, "day", 1_000), bucket(1_000, "second", 1_000)];
    const user = new UserObject(await publish({ free: loose(slow), pro: loose(fast) }));
    await user.decide({ costMilli: 800_000 });
    for (let i = 0; i < 20; i++) {
      expect(await user.allowedOf(1, { tier: "pro" })).toBe(1);
      later(900);
    }
    await user.crash();
    // A tenth of the burst is the most that a floor sets aside.
    expect(await user.decide({ tier: "pro", costMilli: 900_000 })).toMatchObject({ allowed: true });
  });

  it("leave nothing to an account that is created after them, not even by a crash", async () => {
    const [slow, fast] = [bucket(1, "day", 1_000), bucket(1_000, "second", 1_000)];
    const user = new UserObject(await publish({ free: loose(slow), pro: loose(fast) }));
    await user.decide({ tier: "pro", costMilli: 800_000 });
    // Writes a floor with headroom, which refills at this tier's rate.
    expect(await user.allowedOf(10, { tier: "pro" })).toBe(10);
    await user.decide();
    for (let i = 0; i < 9; i++) {
      later(900);
      await user.decide();
    }
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    await user.crash();
    expect(await user.decide({ costMilli: 181_000 })).toMatchObject({ allowed: false });
    expect(await user.decide({ costMilli: 180_000 })).toMatchObject({ allowed: true });
  });

  it("of a faster tier are admitted again after the account of a slower one is deleted", async () => {
    const user = await userOf(true, await publish({ free: exact(SLOW), pro: exact(FAST) }));
    expect(await user.allowedOf(51)).toBe(50);
    await user.stub.deleteAccount();
    later(1_000);
    // Until the first one, the slower rate counts.
    expect(await user.decide({ tier: "pro" })).toMatchObject({ allowed: false, retryAfterMs: 100 });
    later(1_000);
    expect(await user.allowedOf(20, { tier: "pro" })).toBe(10);
  });

  it("of a tier without the limit bring a policy that lowers it: the time since it was used counts at the new rate", async () => {
    const tiers = (limit: LimitDocument) => ({
      free: exact(bucket(1, "day", 50, "other")),
      pro: exact(limit),
    });
    const user = new UserObject(await publish(tiers(FAST)));
    expect(await user.allowedOf(51, { tier: "pro" })).toBe(50);
    later(60_000);
    user.revision = await publish(tiers(SLOW));
    expect(await user.allowedOf(1)).toBe(1);
    expect(await user.allowedOf(1, { tier: "pro" })).toBe(0);
  });

  it("leave nothing to an account of a tier without the limit, nor to one that has it later, after a crash", async () => {
    const [slow, fast] = [bucket(60, "minute", 1_000), bucket(1_000, "second", 1_000)];
    const other = loose(bucket(1, "day", 50, "other"));
    const user = new UserObject(await publish({ free: other, slow: loose(slow), fast: loose(fast) }));
    await user.decide({ tier: "fast", costMilli: 790_000 });
    expect(await user.allowedOf(10, { tier: "fast" })).toBe(10);
    await user.decide({ tier: "slow" });
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    await user.crash();
    later(10_000);
    await user.stub.changeAccount({ tier: "slow" });
    expect(await user.decide({ costMilli: 212_000 })).toMatchObject({ allowed: false });
  });
});

describe("a change of an account", () => {
  it("made while no policy can be loaded: the time after it counts at the rate of the limit that decides next", async () => {
    const revision = await publish({ free: exact(SLOW), pro: exact(FAST) });
    const user = new UserObject(revision);
    await user.stub.createAccount("ann", { name: "Ann", tier: "pro" });
    expect(await user.allowedOf(51)).toBe(50);
    const document = (await env.CONFIG.get(documentKey(revision))) ?? "";
    await env.CONFIG.delete(documentKey(revision));
    await user.moveToNewIsolate();
    await user.stub.changeAccount({ tier: "free" });
    await env.CONFIG.put(documentKey(revision), document);
    expect(await user.allowedOf(1)).toBe(0);
    later(10_000);
    expect(await user.allowedOf(1)).toBe(0);
    await user.stub.grant(grantOf("bucket", 1, HOUR_MS));
    expect(await user.allowedOf(51)).toBe(1);
    later(10_000);
    user.revision = await publish({ free: exact(FAST), pro: exact(FAST) });
    expect(await user.allowedOf(1)).toBe(0);
  });

  it("that made its limits unknown, and then a denial: a policy that raises the rate forgives nothing", async () => {
    const user = await userOf(true, await publish({ free: exact(SLOW) }));
    expect(await user.allowedOf(51)).toBe(50);
    await user.stub.deleteAccount();
    expect(await user.allowedOf(1)).toBe(0);
    later(10_000);
    user.revision = await publish({ free: exact(FAST) });
    expect(await user.allowedOf(1)).toBe(0);
  });

  it("that made its limits unknown: a crash after a denial forgives nothing either", async () => {
    const user = await userOf(true, await publish({ free: exact(SLOW) }));
    expect(await user.allowedOf(51)).toBe(50);
    await user.stub.deleteAccount();
    expect(await user.allowedOf(2)).toBe(0);
    await user.crash();
    later(60_000);
    user.revision = await publish({ free: exact(FAST) });
    expect(await user.allowedOf(1)).toBe(0);
  });

  it("that made its limits unknown, of a route that nobody asks for: a raised policy forgives nothing", async () => {
    const tiers = { free: exact(bucket(1, "day", 1_000, "other")) };
    const routes = (limit: LimitDocument) => [
      { match: "/a", limits: [{ ...limit, name: "a" }] },
      { match: "/b", limits: [{ ...limit, name: "b" }] },
    ];
    const user = await userOf(true, await publish(tiers, routes(SLOW)));
    for (const route of ["/a", "/b"]) expect(await user.allowedOf(51, { route })).toBe(50);
    await user.stub.deleteAccount();
    later(50_000);
    expect(await user.allowedOf(1, { route: "/a" })).toBe(0);
    user.revision = await publish(tiers, routes(FAST));
    for (const route of ["/a", "/b"]) expect(await user.allowedOf(1, { route })).toBe(0);
  });

  it("after a lease that nobody settled: its charge was refilled at the old rate from the lease's end on", async () => {
    const leased = (limit: LimitDocument) => ({
      mode: "leased" as const,
      limits: [{ ...limit, burst: 1_000 }],
    });
    const user = await userOf(true, await publish({ free: leased(FAST), pro: leased(SLOW) }));
    await user.lease(20_000);
    later(20_000);
    await user.stub.changeAccount({ tier: "pro" });
    expect(await user.remaining()).toEqual([1_000]);
  });

  it("after a restart with an open lease: what it set aside is charged at the old rate", async () => {
    const leased = (limit: LimitDocument) => ({
      mode: "leased" as const,
      limits: [{ ...limit, burst: 500 }],
    });
    const user = await userOf(true, await publish({ free: leased(SLOW), pro: leased(FAST) }));
    await user.lease(20_000);
    await user.decide({ costMilli: 470_000 });
    await user.crash();
    later(600_000);
    await user.stub.changeAccount({ tier: "pro" });
    expect((await user.remaining())[0]).toBeLessThan(30);
  });

  it("that leaves the rate as it is, in an isolate that lags behind: no time counts before the newer policy is known", async () => {
    const user = await userOf(true, await publish({ free: exact(FAST) }));
    expect(await user.allowedOf(51)).toBe(50);
    later(HOUR_MS);
    const revision = await publish({ free: exact(SLOW) });
    await user.stub.grant(grantOf("bucket", 1, HOUR_MS));
    expect(await user.allowedOf(2, { revision })).toBe(1);
  });

  it("that is a deletion, by a newer policy that lowers the rate: the time since the last decision counts at the new one", async () => {
    const user = await userOf(true, await publish({ free: exact(FAST) }));
    expect(await user.allowedOf(51)).toBe(50);
    later(60_000);
    user.revision = await publish({ free: exact(SLOW) });
    await new UserObject(user.revision).decide();
    await user.stub.deleteAccount();
    expect(await user.allowedOf(1)).toBe(0);
  });

  it("made in an isolate that knows only an older policy: no time counts at that policy's rate", async () => {
    const older = await publish({ free: exact(FAST) });
    const user = await userOf(true, await publish({ free: exact(SLOW) }));
    expect(await user.allowedOf(51)).toBe(50);
    await user.moveToNewIsolate();
    await new UserObject(older).decide();
    later(10_000);
    const grant = grantOf("bucket", 1, HOUR_MS);
    await user.stub.grant(grant);
    later(10_000);
    await user.stub.revokeGrant(grant.grantId);
    expect(await user.allowedOf(1)).toBe(0);
  });
});

describe("a state that an older Worker wrote, without rates", () => {
  it("counts the time before a change at the new rate", async () => {
    const user = new UserObject(await publish({ free: exact(MINUTE) }));
    expect(await user.allowedOf(60)).toBe(50);
    await user.changeCounters(({ rate: _rate, ...counter }) => counter, 2);
    await user.crash();
    later(2_000);
    user.revision = await publish({ free: exact(FAST) });
    expect(await user.allowedOf(60)).toBe(20);
  });
});

describe("a clock that was ahead when a request was denied", () => {
  it("does not count the time before a lowered policy at the old rate", async () => {
    const user = new UserObject(await publish({ free: exact(MINUTE) }));
    expect(await user.allowedOf(51)).toBe(50);
    later(60_000);
    await user.decide({ costMilli: 1_000_000 });
    later(-60_000);
    later(30_000);
    user.revision = await publish({ free: exact(SLOW) });
    expect(await user.allowedOf(1)).toBe(0);
  });
});
