/**
 * The worst that the platform may do to objects: run a stale copy alongside the new one, drop an alarm, kill an object between an
 * action and its answer.
 */
import { abortAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PolicyRegistry } from "../../durable-objects/policy-registry.ts";
import { UserLimiter } from "../../durable-objects/user-limiter.ts";
import { keyRecordKey } from "../../src/identity/key-store.ts";
import { CURRENT_KEY, documentKey } from "../../src/policy/policy-store.ts";
import { point } from "../metrics/points.ts";
import {
  bucket,
  dropTimers,
  later,
  publishLimits,
  quota,
  request,
  startClock,
  stopClock,
} from "./fixture.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

/** Its headroom is 2 %. */
const CAPACITY = 1_000;
const HEADROOM = 20;
const RUNTIME_RETRIES = 6;

/** Storage that fails on command, as for an object that was replaced or whose disk is gone. */
function breakable(storage: DurableObjectStorage): { broken: boolean } {
  const state = { broken: false };
  for (const [target, method] of [
    [storage.sql, "exec"],
    [storage.kv, "get"],
    [storage.kv, "put"],
    [storage, "transactionSync"],
  ] as const) {
    const original: (...given: unknown[]) => unknown = Reflect.get(target, method).bind(target);
    Reflect.set(target, method, (...given: unknown[]) => {
      if (state.broken) throw new Error("this object was replaced");
      return original(...given);
    });
  }
  return state;
}

describe("two copies of one object alive at once", () => {
  /** How the copy decides one request; "none" if it cannot answer. */
  async function ask(copy: UserLimiter, revision: number): Promise<"allowed" | "denied" | "none"> {
    const [answer] = await Promise.allSettled([copy.decide([request({ revision })])]);
    if (answer?.status !== "fulfilled") return "none";
    return answer.value[0]?.allowed ? "allowed" : "denied";
  }

  it.each([0, 1, 7, HEADROOM - 1, HEADROOM, HEADROOM + 1])(
    "the stale one spends its headroom, then nothing, and together they admit no more than the limit: %i spent before",
    async (before) => {
      const user = new UserObject(await publishLimits(bucket(1, "day", CAPACITY), quota(CAPACITY, "month")));
      await user.allowedOf(before);
      await user.inside(async (stale, state) => {
        const storage = breakable(state.storage);
        const owner = new UserLimiter(state, env);
        const admitted = { stale: 0, owner: 0 };
        const ofStale: string[] = [];
        // Both are asked in turn: which of them a request reaches is chance.
        for (let turn = 0; turn < 2 * CAPACITY; turn++) {
          const isStale = turn % 2 === 0 && turn < 4 * HEADROOM;
          storage.broken = isStale;
          const answer = await ask(isStale ? stale : owner, user.revision);
          if (isStale) ofStale.push(answer);
          if (answer === "allowed") admitted[isStale ? "stale" : "owner"] += 1;
        }
        // A lone first request has no headroom.
        const headroom = before <= 1 ? 0 : HEADROOM - ((before - 1) % HEADROOM || HEADROOM);
        expect(admitted.stale).toBe(headroom);
        // After one failure, it answers no one.
        expect(new Set(ofStale.slice(headroom))).toEqual(new Set(["none"]));
        expect(before + admitted.stale + admitted.owner).toBeLessThanOrEqual(CAPACITY);
        expect(before + admitted.stale + admitted.owner).toBeGreaterThanOrEqual(CAPACITY - HEADROOM);
      });
    },
  );
});

/** Calls an alarm as the runtime does: after a failure it retries six times, then drops the alarm. @returns how often it failed. */
async function ringUntilGivenUp(
  object: { alarm(info?: AlarmInvocationInfo): Promise<void> },
  storage: DurableObjectStorage,
): Promise<number> {
  await storage.deleteAlarm();
  for (let retryCount = 0; retryCount <= RUNTIME_RETRIES; retryCount++) {
    const info = { isRetry: retryCount > 0, retryCount, scheduledTime: Date.now() };
    const [rung] = await Promise.allSettled([object.alarm(info)]);
    if (rung?.status === "fulfilled") return retryCount;
    later(2_000 * 2 ** retryCount);
  }
  return RUNTIME_RETRIES + 1;
}

describe("an alarm that fails six times", () => {
  /** A user whose key could not be published to KV. */
  async function unpublished() {
    const user = new UserObject();
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    const hash = crypto.randomUUID();
    const put = vi.spyOn(env.CONFIG, "put").mockRejectedValue(new Error("KV is down"));
    const input = { keyId: "k1", hash, name: "K", scopes: ["call" as const], expiresMs: null };
    expect(await user.stub.addKey(input)).toMatchObject({ published: false });
    put.mockRestore();
    return { user, record: () => env.CONFIG.get(keyRecordKey(hash)) };
  }

  it("is set again: KV gets the key within five minutes after storage is back", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    const { user, record } = await unpublished();
    await user.inside(async (object, { storage }) => {
      const state = breakable(storage);
      state.broken = true;
      expect(await ringUntilGivenUp(object, storage)).toBeLessThanOrEqual(RUNTIME_RETRIES);
      state.broken = false;
      expect(((await storage.getAlarm()) ?? NaN) - Date.now()).toBe(300_000);
    });
    expect(await record()).toBeNull();
    later(300_000);
    expect(await user.ringAlarm()).toBe(true);
    expect(await record()).not.toBeNull();
  });

  it("is set again at the user's next pause if not even that could be stored", async () => {
    const { user, record } = await unpublished();
    user.revision = await publishLimits(bucket(1, "day", CAPACITY));
    await user.inside((_object, { storage }) => storage.deleteAlarm());
    await user.decide();
    await user.pause();
    expect(await user.alarmAtMs()).not.toBeNull();
    later(2_000);
    expect(await user.ringAlarm()).toBe(true);
    expect(await record()).not.toBeNull();
  });

  it("of the registry is set again: KV gets the policy", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    const stub = env.POLICY_REGISTRY.getByName(`faults-${crypto.randomUUID()}`);
    await runInDurableObject(stub, async (object, { storage }) => {
      if (!(object instanceof PolicyRegistry)) throw new Error("no registry");
      const put = vi.spyOn(env.CONFIG, "put").mockRejectedValue(new Error("KV is down"));
      const document = JSON.stringify({ is: crypto.randomUUID() });
      await object.put(document, 0, { actor: "a", reason: "r" });
      const state = breakable(storage);
      state.broken = true;
      expect(await ringUntilGivenUp(object, storage)).toBeLessThanOrEqual(RUNTIME_RETRIES);
      state.broken = false;
      put.mockRestore();
      expect(((await storage.getAlarm()) ?? NaN) - Date.now()).toBe(300_000);
      later(300_000);
      await object.alarm();
      expect(await env.CONFIG.get(documentKey(1))).toBe(document);
    });
    await Promise.all([CURRENT_KEY, documentKey(1)].map((key) => env.CONFIG.delete(key)));
  });
});

it("a hub that dies between storing a batch and confirming it stores that batch twice, and no other", async () => {
  const hub = () => env.METRICS_HUB.getByName(`faults-${name}`);
  const name = crypto.randomUUID();
  const send = (seq: number, count: number) => {
    const points = Array.from({ length: count }, () => point({ atMs: Date.now() }));
    return hub().record({ isolate: "isolate", seq, points, isStored: true, metrics: null });
  };
  const stored = () =>
    runInDurableObject(hub(), (_object, { storage }) =>
      Number(storage.sql.exec("SELECT sum(rows) AS rows FROM points").one()["rows"]),
    );
  await send(1, 7);
  await send(2, 5);
  await abortAllDurableObjects();
  dropTimers();
  // The isolate did not get the confirmation, and sends the batch again.
  await send(2, 5);
  expect(await stored()).toBe(17);
  for (const seq of [2, 3, 3]) await send(seq, 5);
  expect(await stored()).toBe(22);
});
