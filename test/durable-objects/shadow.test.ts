/**
 * Limits in shadow in the real runtime: what they would deny, what they never do, and that their counters last as those of other limits do.
 * test/history/shadow.test.ts compares forecasts with enforcement over random traffic, lent and strict.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LimitDocument } from "../../src/policy/schema.ts";
import { bucket, later, publish, publishLimits, quota, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

const TWO_AT_ONCE: LimitDocument = { name: "parallel", kind: "concurrency", max: 2, ttlMs: 30_000 };
const inShadow = (limit: LimitDocument): LimitDocument => ({ ...limit, shadow: true });

/** What would deny each of `count` requests; null: nothing would. All of them pass. */
async function shadowedOf(user: UserObject, count: number): Promise<(string | null)[]> {
  const found: (string | null)[] = [];
  for (let i = 0; i < count; i++) {
    const { allowed, shadowed } = await user.decide();
    expect(allowed).toBe(true);
    found.push(shadowed?.join(";") ?? null);
  }
  return found;
}

describe("a limit in shadow", () => {
  it("denies nothing, says what it would deny, and is in no limit that a client sees", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 10), inShadow(quota(2, "day"))));
    expect(await shadowedOf(user, 4)).toEqual([null, null, "quota", "quota"]);
    const { limits, violated, retryAfterMs } = await user.decide({ peek: true });
    expect({ limits: limits.map(({ name }) => name), violated, retryAfterMs }).toEqual({
      limits: ["bucket"],
      violated: [],
      retryAfterMs: 0,
    });
    expect(await user.decide({ peek: true })).toMatchObject({ shadowed: ["quota"] });
  });

  it("is charged only if all limits in shadow hold the request, and it passes", async () => {
    const limits = [
      bucket(1, "day", 9),
      inShadow(quota(6, "day", "wide")),
      inShadow(quota(2, "day", "narrow")),
    ];
    const user = new UserObject(await publishLimits(...limits));
    const left = async () => (await user.status()).shadow?.map(({ remaining }) => remaining);
    expect(await shadowedOf(user, 3)).toEqual([null, null, "narrow"]);
    expect(await left()).toEqual([4, 0]);
    // Denied by the bucket.
    expect(await user.decide({ costMilli: 7_000 })).toMatchObject({ allowed: false, violated: ["bucket"] });
    expect(await left()).toEqual([4, 0]);
    expect((await user.status()).usage.hour).toEqual({ requests: 3, cost: 3, denied: 1 });
  });

  it("counts slots that requests hold until they end", async () => {
    const user = new UserObject(await publishLimits(inShadow(TWO_AT_ONCE)));
    const first = await user.decide();
    expect(first.holds).toHaveLength(1);
    await user.decide();
    const third = await user.decide();
    expect(third).toMatchObject({ allowed: true, shadowed: ["parallel"], holds: [] });
    await user.stub.release([...first.holds]);
    expect(await shadowedOf(user, 2)).toEqual([null, "parallel"]);
  });

  it("keeps its count across a pause and an eviction, and hands out nothing after a crash", async () => {
    const user = new UserObject(await publishLimits(inShadow(bucket(1, "day", 200))));
    const left = async () => (await user.status()).shadow?.[0]?.remaining ?? -1;
    await shadowedOf(user, 20);
    await user.pause();
    await user.evict();
    expect(await left()).toBe(180);
    await shadowedOf(user, 20);
    await user.crash();
    // At most one headroom is missing, as for any limit.
    expect(await left()).toBeLessThanOrEqual(160);
    expect(await left()).toBeGreaterThanOrEqual(156);
  });

  it("takes grants and overrides, and a reset", async () => {
    const user = new UserObject(await publishLimits(inShadow(quota(2, "day"))));
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    expect(await shadowedOf(user, 3)).toEqual([null, null, "quota"]);
    await user.stub.changeAccount({ overrides: { quota: { amount: 3 } } });
    expect(await shadowedOf(user, 2)).toEqual([null, "quota"]);
    await user.stub.reset(["quota"]);
    expect(await shadowedOf(user, 4)).toEqual([null, null, null, "quota"]);
  });

  it("counts from the ledger when it is enforced: what passed beyond a quota stays used", async () => {
    const user = new UserObject(await publishLimits(inShadow(quota(4, "day"))));
    expect(await shadowedOf(user, 3)).toEqual([null, null, null]);
    user.revision = await publishLimits(quota(4, "day"));
    expect(await user.allowedOf(3)).toBe(1);
    user.revision = await publishLimits(inShadow(quota(4, "day")));
    expect(await shadowedOf(user, 2)).toEqual(["quota", "quota"]);
    user.revision = await publishLimits(quota(5, "day"));
    expect(await user.allowedOf(1)).toBe(0);
  });
});

describe("the emergency switch", () => {
  const LIMITS = [bucket(1, "minute", 5), quota(8, "day"), TWO_AT_ONCE];
  const switched = (enforcement: "on" | "shadow") =>
    publish({ free: { limits: LIMITS } }, [], { enforcement });

  it("lets no limit deny while it is on; afterwards the bound holds as if nothing had passed meanwhile", async () => {
    const user = new UserObject(await switched("on"));
    const slots = await user.decide();
    await user.stub.release([...slots.holds]);
    expect(await user.decide({ costMilli: 4_001 })).toMatchObject({ violated: ["bucket"] });
    user.revision = await switched("shadow");
    // The forecast begins with full limits, but for what quotas count.
    const during = [await user.decide({ costMilli: 5_000 }), await user.decide(), await user.decide()];
    expect(during).toMatchObject([
      { allowed: true, limits: [] },
      { allowed: true, shadowed: ["bucket"] },
      { allowed: true, shadowed: ["bucket"] },
    ]);
    user.revision = await switched("on");
    // Of the bucket, four are left as before. The quota has counted all: 1 + 5 + 1 + 1 = 8.
    expect(await user.decide({ costMilli: 4_001 })).toMatchObject({ violated: ["bucket", "quota"] });
    expect(await user.decide()).toMatchObject({ violated: ["quota"] });
    later(24 * 3_600_000);
    expect(await user.allowedOf(3)).toBe(2);
  });

  it("still rejects a blocked user and a revoked key", async () => {
    const user = new UserObject(await switched("shadow"));
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    expect(await user.decide({ keyId: "no-such-key" })).toMatchObject({ allowed: false, outcome: "revoked" });
    await user.stub.changeAccount({ status: "blocked" });
    expect(await user.decide()).toMatchObject({ allowed: false, outcome: "blocked" });
  });
});
