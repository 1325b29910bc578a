/** Keys published to KV: the record while a key is valid, then nothing, eventually, whatever fails meanwhile. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { objectMetrics } from "../../durable-objects/object-metrics.ts";
import { keyRecordKey } from "../../src/identity/key-store.ts";
import { later, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

/** The delay of the first retry; each further one is twice as long. */
const FIRST_RETRY_MS = 2_000;

/** A user with an account whose key is not made yet. */
class KeyOwner extends UserObject {
  readonly hash = crypto.randomUUID();

  addKey() {
    const input = { keyId: "k1", hash: this.hash, name: "K", scopes: ["call" as const], expiresMs: null };
    return this.stub.addKey(input);
  }

  record(): Promise<unknown> {
    return env.CONFIG.get(keyRecordKey(this.hash), "json");
  }

  /** The key's entry in the outbox. */
  waiting() {
    return this.query("SELECT value, attempts, due_ms FROM outbox WHERE name = ?", keyRecordKey(this.hash));
  }

  /** Makes every write to KV fail. @returns a function that restores KV. */
  async breakKv(): Promise<() => void> {
    return this.inside((object) => {
      const kv = object["env"].CONFIG;
      const spies = [vi.spyOn(kv, "put"), vi.spyOn(kv, "delete")];
      for (const spy of spies) spy.mockRejectedValue(new Error("KV is down"));
      return () => {
        for (const spy of spies) spy.mockRestore();
      };
    });
  }
}

async function keyOwner(): Promise<KeyOwner> {
  const user = new KeyOwner();
  await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
  return user;
}

describe("a key's record in KV", () => {
  it("exists when the key is created, and names its user", async () => {
    const user = await keyOwner();
    expect(await user.addKey()).toMatchObject({ kind: "key", published: true });
    expect(await user.record()).toEqual({
      keyId: "k1",
      user: "ann",
      scopes: ["call"],
      expiresAt: null,
      version: 1,
    });
    expect(await user.waiting()).toEqual([]);
  });

  it("is gone when the key is revoked", async () => {
    const user = await keyOwner();
    await user.addKey();
    expect(await user.stub.revokeKey("k1")).toMatchObject({ kind: "key", published: true });
    expect(await user.record()).toBeNull();
  });
});

describe("if KV fails", () => {
  it("the answer says so, and the alarm delivers later", async () => {
    const user = await keyOwner();
    const restore = await user.breakKv();
    expect(await user.addKey()).toMatchObject({ kind: "key", published: false });
    expect(await user.alarmAtMs()).toBe(Date.now() + FIRST_RETRY_MS);
    restore();
    later(FIRST_RETRY_MS);
    expect(await user.ringAlarm()).toBe(true);
    expect(await user.record()).toMatchObject({ keyId: "k1" });
    expect(await user.waiting()).toEqual([]);
  });

  it("a key is valid anyway: the object decides", async () => {
    const user = await keyOwner();
    await user.addKey();
    await user.breakKv();
    expect(await user.stub.revokeKey("k1")).toMatchObject({ published: false });
    expect(await user.stub.keyStanding("k1")).toBe("revoked");
  });

  it("delivery is retried forever, each time after twice as long, at most five minutes", async () => {
    const user = await keyOwner();
    await user.breakKv();
    await user.addKey();
    const delays: number[] = [];
    for (let attempt = 0; attempt < 10; attempt++) {
      const delayMs = ((await user.alarmAtMs()) ?? NaN) - Date.now();
      delays.push(delayMs);
      later(delayMs);
      await user.ringAlarm();
    }
    expect(delays.map((ms) => ms / 1_000)).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    expect(await user.waiting()).toMatchObject([{ attempts: 11 }]);
  });

  it("the lag of KV is measured, even over restarts, until it is up to date", async () => {
    const user = await keyOwner();
    const restore = await user.breakKv();
    const peaks = vi.spyOn(objectMetrics, "peak");
    const seconds = () => peaks.mock.lastCall?.[2];
    await user.addKey();
    const behind = [seconds()];
    for (const delayMs of [2_000, 4_000, 8_000]) {
      later(delayMs);
      await user.ringAlarm();
      behind.push(seconds());
    }
    expect(behind).toEqual([0, 2, 6, 14]);
    restore();
    await user.evict();
    later(16_000);
    await user.ringAlarm();
    expect(seconds()).toBe(0);
    peaks.mockRestore();
  });

  it("further changes meanwhile neither lengthen the lag nor delay the retry", async () => {
    const user = await keyOwner();
    const restore = await user.breakKv();
    const peaks = vi.spyOn(objectMetrics, "peak");
    await user.addKey();
    for (let i = 0; i < 10; i++) await user.stub.revokeKey("k1");
    for (let i = 0; i < 10; i++) await user.stub.changeAccount({ name: `Ann ${i}` });
    expect(peaks.mock.lastCall?.[2]).toBe(0);
    later(FIRST_RETRY_MS);
    restore();
    expect(await user.ringAlarm()).toBe(true);
    expect(await user.waiting()).toEqual([]);
    peaks.mockRestore();
  });

  it.each(["evict", "crash"] as const)("nothing is lost after %s in between", async (end) => {
    const user = await keyOwner();
    const restore = await user.breakKv();
    await user.addKey();
    await user[end]();
    restore();
    later(FIRST_RETRY_MS);
    expect(await user.ringAlarm()).toBe(true);
    expect(await user.record()).toMatchObject({ keyId: "k1" });
  });

  it("a newer value replaces the waiting one", async () => {
    const user = await keyOwner();
    const restore = await user.breakKv();
    await user.addKey();
    expect(await user.stub.revokeKey("k1")).toMatchObject({ published: false });
    expect(await user.waiting()).toMatchObject([{ value: null }]);
    restore();
    const put = await user.inside((object) => vi.spyOn(object["env"].CONFIG, "put"));
    later(FIRST_RETRY_MS);
    await user.ringAlarm();
    expect(put).not.toHaveBeenCalled();
    expect(await user.waiting()).toEqual([]);
    expect(await user.record()).toBeNull();
  });

  it("reading again does not publish it", async () => {
    const user = await keyOwner();
    await user.addKey();
    await user.breakKv();
    expect(await user.stub.revokeKey("k1")).toMatchObject({ published: false });
    expect(await user.stub.revokeKey("k1")).toMatchObject({ published: false });
    expect(await user.record()).not.toBeNull();
  });
});

describe("during a delivery to KV", () => {
  /** From now on a put to KV waits until the returned function is called. */
  async function holdPuts(user: KeyOwner): Promise<() => void> {
    const held = Promise.withResolvers<void>();
    await user.inside((object) => {
      const kv = object["env"].CONFIG;
      const put = kv.put.bind(kv);
      vi.spyOn(kv, "put").mockImplementation(async (...record) => {
        await held.promise;
        await put(...record);
      });
    });
    return held.resolve;
  }

  it("a revocation does not overtake the key: in the end the record is gone", async () => {
    const user = await keyOwner();
    const letThrough = await holdPuts(user);
    const added = user.addKey();
    await vi.waitUntil(async () => (await user.waiting()).length > 0);
    await user.stub.revokeKey("k1");
    letThrough();
    await added;
    vi.restoreAllMocks();
    later(FIRST_RETRY_MS);
    await user.ringAlarm();
    expect(await user.record()).toBeNull();
    expect(await user.waiting()).toEqual([]);
  });

  it("a crash loses nothing: the alarm is set with the change itself", async () => {
    const user = await keyOwner();
    await holdPuts(user);
    const added = Promise.allSettled([user.addKey()]);
    await vi.waitUntil(async () => (await user.waiting()).length > 0);
    await user.crash();
    await added;
    vi.restoreAllMocks();
    expect(await user.ringAlarm()).toBe(true);
    expect(await user.record()).toMatchObject({ keyId: "k1" });
  });
});
