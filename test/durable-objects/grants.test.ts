/**
 * An operator's changes to an account's limits: grants, overrides, another tier, a reset. Each applies from the next decision on, what
 * was used stays used, and nothing is handed out.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { grantOf } from "../fixtures/control-grants.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/time.ts";
import { bucket, later, publish, quota, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

// Many sequential calls, possibly on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

/** Limits that refill almost nothing in an hour. */
const TIERS = {
  free: { limits: [bucket(1, "day", 5), quota(20, "month")] },
  pro: { limits: [bucket(1, "day", 50), quota(200, "month")] },
};

async function account(tier = "free"): Promise<UserObject> {
  const user = new UserObject(await publish(TIERS));
  await user.stub.createAccount("ann", { name: "Ann", tier });
  return user;
}

describe("a grant", () => {
  it("admits a denied user at once, up to its amount", async () => {
    const user = await account();
    expect(await user.allowedOf(6)).toBe(5);
    const grant = grantOf("bucket", 3, HOUR_MS);
    expect(await user.stub.grant(grant)).toEqual({ kind: "grant", grant });
    expect(await user.remaining()).toEqual([3, 15]);
    expect(await user.allowedOf(5)).toBe(3);
  });

  it("ends in its millisecond, and what it admitted stays used", async () => {
    const user = await account();
    await user.stub.grant(grantOf("quota", 10, HOUR_MS));
    await user.stub.grant(grantOf("bucket", 100, DAY_MS));
    expect(await user.allowedOf(40)).toBe(30);
    later(HOUR_MS - 1);
    expect((await user.decide({ peek: true })).limits).toMatchObject([{}, { limit: 30, remaining: 0 }]);
    later(1);
    expect((await user.decide({ peek: true })).limits).toMatchObject([{}, { limit: 20, remaining: 0 }]);
    // Ten more than the quota were used, so raising it by eleven admits one.
    await user.stub.changeAccount({ overrides: { quota: { amount: 31 } } });
    expect(await user.allowedOf(3)).toBe(1);
  });

  it("adds to other grants in force", async () => {
    const user = await account();
    await user.stub.grant(grantOf("bucket", 3, HOUR_MS));
    await user.stub.grant(grantOf("bucket", 4, 2 * HOUR_MS));
    expect((await user.remaining())[0]).toBe(12);
    later(HOUR_MS);
    expect((await user.remaining())[0]).toBe(9);
    later(HOUR_MS);
    expect((await user.remaining())[0]).toBe(5);
  });

  it.each(["evict", "crash"] as const)("is still in force after %s", async (end) => {
    const user = await account();
    await user.stub.grant(grantOf("bucket", 3, HOUR_MS));
    await user[end]();
    expect((await user.remaining())[0]).toBe(8);
    later(HOUR_MS);
    await user[end]();
    expect((await user.remaining())[0]).toBe(5);
  });

  it("of slots lets that many more run at once", async () => {
    const parallel = { name: "parallel", kind: "concurrency", max: 1, ttlMs: HOUR_MS } as const;
    const user = new UserObject(await publish({ free: { limits: [parallel] } }));
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    expect(await user.allowedOf(3)).toBe(1);
    await user.stub.grant(grantOf("parallel", 2, HOUR_MS));
    expect(await user.allowedOf(3)).toBe(2);
  });

  it("of a limit that the tier lacks applies once it has it", async () => {
    const user = await account();
    await user.stub.grant(grantOf("hour", 7, HOUR_MS));
    expect(await user.remaining()).toEqual([5, 20]);
    user.revision = await publish({ free: { limits: [bucket(1, "hour", 1, "hour")] } });
    expect(await user.remaining()).toEqual([8]);
  });

  it("is rejected beyond fifty in force, and accepted again when one has ended", async () => {
    const user = await account();
    await user.stub.grant(grantOf("bucket", 1, HOUR_MS));
    for (let i = 1; i < 50; i++) await user.stub.grant(grantOf("bucket", 1, DAY_MS));
    expect(await user.stub.grant(grantOf("bucket", 1, HOUR_MS))).toEqual({ kind: "too-many" });
    expect((await user.remaining())[0]).toBe(55);
    later(HOUR_MS);
    expect(await user.stub.grant(grantOf("bucket", 1, HOUR_MS))).toMatchObject({ kind: "grant" });
    expect(await user.query("SELECT count(*) AS n FROM grants")).toEqual([{ n: 50 }]);
  });

  it("ends at once when it is revoked, and what it admitted stays used", async () => {
    const user = await account();
    const [bucketGrant, quotaGrant] = [grantOf("bucket", 10, DAY_MS), grantOf("quota", 10, DAY_MS)];
    await user.stub.grant(bucketGrant);
    await user.stub.grant(quotaGrant);
    expect(await user.allowedOf(8)).toBe(8);
    expect(await user.stub.revokeGrant(bucketGrant.grantId)).toEqual({ kind: "revoked", grant: bucketGrant });
    expect(await user.decide()).toMatchObject({ allowed: false, limits: [{ limit: 5, remaining: 0 }, {}] });
    expect(await user.remaining()).toEqual([0, 22]);
    await user.stub.revokeGrant(quotaGrant.grantId);
    expect(await user.remaining()).toEqual([0, 12]);
    await user.crash();
    expect(await user.remaining()).toEqual([0, 12]);
    expect(await user.query("SELECT count(*) AS n FROM grants")).toEqual([{ n: 0 }]);
  });

  it("is revoked alone: others of the same limit stay in force", async () => {
    const user = await account();
    const [first, second] = [grantOf("bucket", 3, HOUR_MS), grantOf("bucket", 4, HOUR_MS)];
    await user.stub.grant(first);
    await user.stub.grant(second);
    await user.stub.revokeGrant(first.grantId);
    expect((await user.remaining())[0]).toBe(9);
    expect(await user.stub.account()).toMatchObject({ grants: [second] });
  });

  it("is not revoked twice, nor after its end, nor without an account", async () => {
    const user = await account();
    const [revoked, ended] = [grantOf("bucket", 3, DAY_MS), grantOf("bucket", 4, HOUR_MS)];
    await user.stub.grant(revoked);
    await user.stub.grant(ended);
    await user.stub.revokeGrant(revoked.grantId);
    expect(await user.stub.revokeGrant(revoked.grantId)).toEqual({ kind: "no-grant" });
    later(HOUR_MS);
    expect(await user.stub.revokeGrant(ended.grantId)).toEqual({ kind: "no-grant" });
    const nobody = new UserObject(user.revision);
    expect(await nobody.stub.revokeGrant(revoked.grantId)).toEqual({ kind: "no-account" });
    expect(await nobody.stored()).toEqual([]);
  });

  it("is rejected if there is no account", async () => {
    const user = new UserObject(await publish(TIERS));
    expect(await user.stub.grant(grantOf("bucket", 1, HOUR_MS))).toEqual({ kind: "no-account" });
    expect(await user.stored()).toEqual([]);
  });
});

describe("overrides", () => {
  it("apply from the next decision until they are removed", async () => {
    const user = await account();
    expect(await user.allowedOf(6)).toBe(5);
    await user.stub.changeAccount({ overrides: { bucket: { burst: 8 } } });
    expect(await user.allowedOf(6)).toBe(3);
    await user.crash();
    await user.stub.changeAccount({ overrides: { bucket: { burst: 2 } } });
    expect(await user.decide()).toMatchObject({ allowed: false, limits: [{ limit: 2, remaining: 0 }, {}] });
    await user.stub.changeAccount({ overrides: {} });
    expect(await user.decide({ peek: true })).toMatchObject({ limits: [{ limit: 5 }, { limit: 20 }] });
    expect(await user.allowedOf(1)).toBe(0);
  });

  it.each([false, true])(
    "that change the rate apply from then on: the time before counts at the old rate (%s: over a restart)",
    async (restarts) => {
      const free = { durability: "exact" as const, limits: [bucket(60, "minute", 30)] };
      const user = new UserObject(await publish({ free }));
      await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
      const restart = async (): Promise<void> => (restarts ? user.crash() : undefined);
      expect(await user.allowedOf(40)).toBe(30);
      await restart();
      later(2_000);
      await user.stub.changeAccount({ overrides: { bucket: { tokens: 600 } } });
      expect(await user.allowedOf(40)).toBe(2);
      await restart();
      later(2_000);
      await user.stub.changeAccount({ overrides: { bucket: { tokens: 6 } } });
      expect(await user.allowedOf(40)).toBe(20);
      await restart();
      later(60_000);
      expect(await user.allowedOf(40)).toBe(6);
    },
  );

  it("follow the account into another tier", async () => {
    const user = await account();
    await user.stub.changeAccount({ overrides: { bucket: { burst: 8 } } });
    await user.stub.changeAccount({ tier: "pro" });
    expect((await user.decide()).limits).toMatchObject([{ limit: 8 }, { limit: 200 }]);
  });
});

describe("a reset", () => {
  it("refills one limit and leaves the others and the ledger unchanged", async () => {
    const user = await account();
    await user.allowedOf(5);
    await user.stub.reset(["bucket"]);
    expect(await user.remaining()).toEqual([5, 15]);
    await user.crash();
    expect(await user.remaining()).toEqual([5, 15]);
    expect((await user.status()).usage.month).toEqual({ requests: 5, cost: 5, denied: 0 });
  });

  it("refills all limits", async () => {
    const user = await account();
    await user.allowedOf(5);
    await user.stub.reset(null);
    expect(await user.remaining()).toEqual([5, 20]);
    await user.evict();
    expect(await user.remaining()).toEqual([5, 20]);
  });

  it("refills every key and route with a counter under the limit's name, and no other name that begins with it", async () => {
    const limits = [
      { ...bucket(1, "day", 3, "a"), scope: "key" as const },
      { ...bucket(1, "day", 3, "ab"), scope: "route" as const },
    ];
    const user = new UserObject(await publish({ free: { limits } }, [{ match: "/x" }]));
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    for (const keyId of ["k1", "k2"]) {
      await user.stub.addKey({
        keyId,
        hash: crypto.randomUUID(),
        name: "",
        scopes: ["call"],
        expiresMs: null,
      });
    }
    await user.allowedOf(1, { keyId: "k1", route: "/x" });
    await user.allowedOf(1, { keyId: "k2", route: "/x" });
    await user.stub.reset(["a"]);
    expect(await user.remaining({ keyId: "k1", route: "/x" })).toEqual([3, 1]);
    expect(await user.remaining({ keyId: "k2", route: "/x" })).toEqual([3, 1]);
  });

  it("that storage rejects changes nothing", async () => {
    const user = await account();
    await user.allowedOf(5);
    await user.failNextState();
    const failed = await user.inside(async (object) => {
      const call = async () => object.reset(null);
      return call().then(() => "none", String);
    });
    expect(failed).toContain("disk failure");
    expect(await user.remaining()).toEqual([0, 15]);
    expect(await user.stub.audit(Number.MAX_SAFE_INTEGER, 10)).toHaveLength(1);
  });
});
