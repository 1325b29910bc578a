/** Accounts and keys as decisions see them: the object's own word counts, and counts from the very next decision on. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { NewKey } from "../../src/objects/account.ts";
import { bucket, later, publish, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

const TIERS = {
  free: { limits: [bucket(1, "day", 5)] },
  pro: { limits: [bucket(1, "day", 50)] },
};

async function userWithAccount(tier: string): Promise<UserObject> {
  const user = new UserObject(await publish(TIERS));
  await user.stub.createAccount("ann", { name: "Ann", tier });
  return user;
}

const key = (keyId: string, given: Partial<NewKey> = {}): NewKey => ({
  keyId,
  hash: crypto.randomUUID(),
  name: `key ${keyId}`,
  scopes: ["call"],
  expiresMs: null,
  ...given,
});

describe("an account", () => {
  it("is created once, and a second time changes nothing", async () => {
    const user = await userWithAccount("pro");
    const account = { user: "ann", name: "Ann", tier: "pro", status: "active", createdMs: Date.now() };
    expect(await user.stub.account()).toMatchObject({ kind: "account", account, keys: [] });
    expect(await user.stub.createAccount("eve", { name: "Eve", tier: "free" })).toEqual({ kind: "exists" });
    await user.crash();
    expect(await user.stub.account()).toMatchObject({ kind: "account", account });
  });

  it("is absent until it is created, and calls for it are rejected", async () => {
    const user = new UserObject(await publish(TIERS));
    expect(await user.stub.account()).toEqual({ kind: "absent" });
    expect(await user.stub.changeAccount({ tier: "pro" })).toEqual({ kind: "absent" });
    expect(await user.stub.addKey(key("k1"))).toEqual({ kind: "no-account" });
    expect(await user.stub.revokeKey("k1")).toEqual({ kind: "no-account" });
  });

  it("decides the tier, whatever the request says", async () => {
    const user = await userWithAccount("pro");
    expect(await user.decide({ tier: "free" })).toMatchObject({ tier: "pro", limits: [{ limit: 50 }] });
    expect((await user.status()).tier).toBe("pro");
  });

  it("changes the tier with the next decision, and keeps what was used", async () => {
    const user = await userWithAccount("free");
    expect(await user.allowedOf(6)).toBe(5);
    await user.stub.changeAccount({ tier: "pro" });
    expect(await user.decide()).toMatchObject({ allowed: true, tier: "pro", limits: [{ remaining: 44 }] });
    await user.stub.changeAccount({ tier: "free" });
    expect(await user.decide()).toMatchObject({ allowed: false, tier: "free" });
    await user.crash();
    expect(await user.decide()).toMatchObject({ allowed: false, tier: "free" });
  });

  it("gets the default tier if the policy lacks its own", async () => {
    const user = await userWithAccount("gone");
    expect(await user.decide()).toMatchObject({ tier: "free", limits: [{ limit: 5 }] });
  });

  it("is blocked with the next decision, is charged nothing meanwhile, and is admitted again", async () => {
    const user = await userWithAccount("free");
    await user.decide();
    await user.stub.changeAccount({ status: "blocked" });
    expect(await user.decide()).toMatchObject({ outcome: "blocked", allowed: false, limits: [] });
    expect((await user.status()).status).toBe("blocked");
    await user.crash();
    expect(await user.decide()).toMatchObject({ outcome: "blocked", allowed: false });
    await user.stub.changeAccount({ status: "active" });
    expect(await user.decide()).toMatchObject({ outcome: "allowed", limits: [{ remaining: 3 }] });
    expect((await user.status()).usage.hour).toEqual({ requests: 2, cost: 2, denied: 0 });
  });

  it("is blocked even with a valid key", async () => {
    const user = await userWithAccount("free");
    await user.stub.addKey(key("k1"));
    await user.stub.changeAccount({ status: "blocked" });
    expect(await user.stub.keyStanding("k1")).toBe("blocked");
    expect((await user.decide({ keyId: "k1" })).outcome).toBe("blocked");
  });
});

describe("a key", () => {
  it("is valid until it is revoked: the next decision rejects it and charges nothing", async () => {
    const user = await userWithAccount("free");
    await user.stub.addKey(key("k1"));
    await user.stub.addKey(key("k2"));
    expect(await user.decide({ keyId: "k1" })).toMatchObject({ outcome: "allowed" });
    await user.stub.revokeKey("k1");
    expect(await user.decide({ keyId: "k1" })).toMatchObject({ outcome: "revoked", allowed: false });
    expect(await user.stub.keyStanding("k1")).toBe("revoked");
    const status = await user.stub.status({ revision: user.revision, tier: "free", keyId: "k1" });
    expect(status.kind).toBe("revoked");
    await user.crash();
    expect(await user.decide({ keyId: "k1" })).toMatchObject({ outcome: "revoked" });
    expect(await user.decide({ keyId: "k2" })).toMatchObject({
      outcome: "allowed",
      limits: [{ remaining: 3 }],
    });
  });

  it("is valid until the millisecond in which it expires", async () => {
    const user = await userWithAccount("free");
    await user.stub.addKey(key("k1", { expiresMs: Date.now() + 60_000 }));
    later(59_999);
    expect((await user.decide({ keyId: "k1" })).outcome).toBe("allowed");
    expect(await user.stub.keyStanding("k1")).toBe("good");
    later(1);
    expect((await user.decide({ keyId: "k1" })).outcome).toBe("revoked");
    expect(await user.stub.keyStanding("k1")).toBe("revoked");
  });

  it("is rejected if the account lacks it, or there is no account", async () => {
    const user = await userWithAccount("free");
    expect((await user.decide({ keyId: "unheard-of" })).outcome).toBe("revoked");
    const stranger = new UserObject(user.revision);
    expect((await stranger.decide({ keyId: "k1" })).outcome).toBe("revoked");
    expect(await stranger.stub.keyStanding("k1")).toBe("revoked");
  });

  it("is shown without its hash, even if revoked", async () => {
    const user = await userWithAccount("free");
    await user.stub.addKey(key("k1", { hash: "secret-hash", scopes: ["call", "check"] }));
    later(1_000);
    await user.stub.revokeKey("k1");
    const answer = await user.stub.account();
    expect(answer).toMatchObject({
      keys: [
        { keyId: "k1", scopes: ["call", "check"], revokedMs: Date.now(), createdMs: Date.now() - 1_000 },
      ],
    });
    expect(JSON.stringify(answer)).not.toContain("secret-hash");
  });

  it("can be revoked twice, but not if unknown", async () => {
    const user = await userWithAccount("free");
    await user.stub.addKey(key("k1"));
    const first = await user.stub.revokeKey("k1");
    later(1_000);
    expect(await user.stub.revokeKey("k1")).toEqual(first);
    expect(await user.stub.revokeKey("unheard-of")).toEqual({ kind: "no-key" });
  });

  it("is rejected with a reason if there are too many", async () => {
    const user = await userWithAccount("free");
    for (let i = 0; i < 100; i++) expect((await user.stub.addKey(key(`k${i}`))).kind).toBe("key");
    expect(await user.stub.addKey(key("one-more"))).toEqual({ kind: "too-many" });
  });
});

describe("scopes of limits", () => {
  it("count each key separately, and not requests without a key", async () => {
    const perKey = { ...bucket(1, "day", 3, "per-key"), scope: "key" as const };
    const user = new UserObject(await publish({ free: { limits: [perKey, bucket(1, "day", 100)] } }));
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    for (const keyId of ["k1", "k2"]) await user.stub.addKey(key(keyId));
    expect(await user.allowedOf(5, { keyId: "k1" })).toBe(3);
    expect(await user.allowedOf(5, { keyId: "k2" })).toBe(3);
    expect(await user.allowedOf(5)).toBe(5);
    expect(await user.remaining({ keyId: "k1" })).toEqual([0, 89]);
    expect(await user.remaining()).toEqual([89]);
  });

  it("drop counters with the key, so that years of new keys do not fill the state", async () => {
    const perKey = { ...bucket(1, "day", 3, "per-key"), scope: "key" as const };
    const user = new UserObject(await publish({ free: { limits: [perKey, bucket(1, "day", 100)] } }));
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    await user.stub.addKey(key("k0"));
    await user.decide({ keyId: "k0" });
    await user.pause();
    await user.evict();
    await user.stub.revokeKey("k0");
    // The place of the one that was revoked is the last.
    await user.inside(async (object) => {
      vi.spyOn(object["env"].CONFIG, "put").mockResolvedValue();
      for (let i = 1; i <= 100; i++) await object.addKey(key(`k${i}`));
    });
    await user.decide({ keyId: "k100" });
    await user.pause();
    expect(await user.state()).toMatchObject({ counters: { "per-key#k100": {}, bucket: {} } });
    expect(await user.state()).not.toMatchObject({ counters: { "per-key#k0": {} } });
  });

  it("count each route separately, and each key on each route if a route's limit is scoped to keys", async () => {
    const perRoute = { ...bucket(1, "day", 4, "per-route"), scope: "route" as const };
    const keyOnRoute = { ...bucket(1, "day", 2, "key-on-route"), scope: "key" as const };
    const user = new UserObject(
      await publish({ free: { limits: [perRoute] } }, [
        { match: "/a", limits: [keyOnRoute] },
        { match: "/b" },
      ]),
    );
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    for (const keyId of ["k1", "k2", "k3"]) await user.stub.addKey(key(keyId));
    expect(await user.allowedOf(5, { keyId: "k1", route: "/a" })).toBe(2);
    expect(await user.allowedOf(1, { keyId: "k2", route: "/a" })).toBe(1);
    expect(await user.allowedOf(5, { keyId: "k3", route: "/a" })).toBe(1);
    expect(await user.allowedOf(9, { keyId: "k1", route: "/b" })).toBe(4);
    expect(await user.decide()).toMatchObject({ allowed: true, limits: [] });
  });
});
