/** Idempotency keys: within ten minutes the same key gets the same decision and is charged once, whatever comes between. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bucket, later, publishLimits, START_MS, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

const TEN_MINUTES_MS = 600_000;

const userWith = async (burst: number): Promise<UserObject> =>
  new UserObject(await publishLimits(bucket(1, "day", burst)));

const remembered = (user: UserObject) =>
  user.query("SELECT idempotency_key, expires_ms FROM decisions ORDER BY expires_ms");

it("answers the same key with the same decision and charges it once", async () => {
  // openmeterio/openmeter#5118
  const user = await userWith(10);
  const first = await user.decide({ idempotencyKey: "order-1", costMilli: 4_000 });
  expect(await user.decide({ idempotencyKey: "order-1", costMilli: 4_000 })).toEqual(first);
  expect(await user.decide({ idempotencyKey: "order-2", costMilli: 4_000 })).not.toMatchObject({
    decisionId: first.decisionId,
  });
  expect(await user.remaining()).toEqual([2]);
  expect((await user.status()).usage.hour).toEqual({ requests: 2, cost: 8, denied: 0 });
});

it.each(["evict", "crash"] as const)("keeps to it when %s comes right after the answer", async (end) => {
  const user = await userWith(1_000);
  const first = await user.decide({ idempotencyKey: "order-1" });
  await user[end]();
  expect(await user.decide({ idempotencyKey: "order-1" })).toEqual(first);
  expect((await user.status()).usage.hour.requests).toBe(1);
});

it("keeps to it within one batch", async () => {
  const user = await userWith(10);
  const keys = ["a", "b", "a", null, "b", "a", null];
  const decisions = await user.decideAll(keys.map((idempotencyKey) => ({ idempotencyKey })));
  const [a, b, again, , bAgain, andAgain] = decisions;
  expect([again, andAgain, bAgain]).toEqual([a, a, b]);
  expect(new Set(decisions.map(({ decisionId }) => decisionId)).size).toBe(4);
  expect(await user.remaining()).toEqual([6]);
});

it("keeps to it when the same key is asked many times at once", async () => {
  const user = await userWith(10);
  const decisions = await Promise.all(
    Array.from({ length: 20 }, () => user.decide({ idempotencyKey: "order-1" })),
  );
  expect(new Set(decisions.map(({ decisionId }) => decisionId)).size).toBe(1);
  expect(await user.remaining()).toEqual([9]);
});

it("remembers a denial too, though the tokens have come back", async () => {
  const user = new UserObject(await publishLimits(bucket(1, "second", 1)));
  await user.decide();
  const denied = await user.decide({ idempotencyKey: "order-1" });
  expect(denied.allowed).toBe(false);
  later(5_000);
  expect(await user.decide({ idempotencyKey: "order-1" })).toEqual(denied);
  expect(await user.decide()).toMatchObject({ allowed: true });
});

it("decides anew after ten minutes, and not a millisecond earlier", async () => {
  const user = await userWith(10);
  const first = await user.decide({ idempotencyKey: "order-1" });
  later(TEN_MINUTES_MS - 1);
  expect(await user.decide({ idempotencyKey: "order-1" })).toEqual(first);
  later(1);
  const second = await user.decide({ idempotencyKey: "order-1" });
  expect(second.decisionId).not.toBe(first.decisionId);
  expect(await user.decide({ idempotencyKey: "order-1" })).toEqual(second);
  expect((await user.status()).usage.hour.requests).toBe(2);
});

it("does not remember a peek", async () => {
  const user = await userWith(10);
  const peeked = await user.decide({ idempotencyKey: "order-1", peek: true });
  const decided = await user.decide({ idempotencyKey: "order-1" });
  expect(decided.decisionId).not.toBe(peeked.decisionId);
  expect(decided.limits).toMatchObject([{ remaining: 9 }]);
  expect(await remembered(user)).toHaveLength(1);
});

describe("the alarm", () => {
  it("forgets what has expired, keeps what has not, and is set for the rest", async () => {
    const user = await userWith(10);
    await user.decide({ idempotencyKey: "early" });
    later(60_000);
    await user.decide({ idempotencyKey: "late" });
    expect(await user.alarmAtMs()).toBe(START_MS + TEN_MINUTES_MS);
    later(TEN_MINUTES_MS - 60_000);
    expect(await user.ringAlarm()).toBe(true);
    expect(await remembered(user)).toEqual([
      { idempotency_key: "late", expires_ms: START_MS + 60_000 + TEN_MINUTES_MS },
    ]);
    expect(await user.alarmAtMs()).toBe(START_MS + 60_000 + TEN_MINUTES_MS);
    later(60_000);
    await user.evict();
    expect(await user.ringAlarm()).toBe(true);
    expect(await remembered(user)).toEqual([]);
    expect(await user.alarmAtMs()).toBeNull();
  });

  it("may ring early or twice: nothing that counts is forgotten", async () => {
    const user = await userWith(10);
    const first = await user.decide({ idempotencyKey: "order-1" });
    for (let i = 0; i < 3; i++) await user.inside((object) => object.alarm());
    expect(await user.decide({ idempotencyKey: "order-1" })).toEqual(first);
    expect(await user.alarmAtMs()).toBe(START_MS + TEN_MINUTES_MS);
  });
});
