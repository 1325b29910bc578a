/** An address leaves nothing behind once it is at rest: storage does not grow with every address that was ever seen. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { bucket, later, publish, publishLimits, startClock, stopClock } from "./fixture.ts";
import { forgetDelayMs } from "../../durable-objects/user-limiter/forget-delay.ts";
import { PAUSE_MS, UserObject } from "./user-object.ts";

/** The longest that an address is kept after its counters came to rest. */
const KEPT_MS = 540_000;
/** In which one token of the bucket below refills. */
const REFILL_MS = 1_000;

beforeEach(startClock);
afterEach(stopClock);

async function addressThatSpentOne(): Promise<UserObject> {
  const address = new UserObject(await publishLimits(bucket(60, "minute", 10)), `ip:${crypto.randomUUID()}`);
  await address.decide();
  await address.pause();
  return address;
}

it("is forgotten five to nine minutes after its counters came to rest, even after an eviction", async () => {
  const address = await addressThatSpentOne();
  expect(await address.stored()).toContain("state");
  await address.evict();
  later(REFILL_MS + KEPT_MS);
  expect(await address.ringAlarm()).toBe(true);
  expect(await address.stored()).toEqual([]);
  expect(await address.remaining()).toEqual([10]);
});

it("is forgotten with a delay that depends on its name: thousands that rest together do not wake together", async () => {
  const addresses = await Promise.all(Array.from({ length: 8 }, addressThatSpentOne));
  const alarms = await Promise.all(addresses.map((address) => address.alarmAtMs()));
  const restMs = Date.now() - PAUSE_MS * addresses.length;
  expect(new Set(alarms).size).toBe(addresses.length);
  for (const atMs of alarms) {
    expect(atMs).toBeGreaterThanOrEqual(restMs + 300_000);
    expect(atMs).toBeLessThanOrEqual(Date.now() + REFILL_MS + KEPT_MS);
  }
});

it.each<[what: string, name: (i: number) => string]>([
  ["one after the other", (i) => `ip:10.0.${i >> 8}.${i & 255}`],
  ["of one /24 and beyond", (i) => `login:192.0.${i >> 8}.${i & 255}`],
  ["of neighbouring IPv6 networks", (i) => `ip:2001:db8:0:${i.toString(16)}::/64`],
])(
  "is forgotten at the same moment each time, and 5,000 of them evenly over four minutes: %s",
  (_what, name) => {
    const perTenSeconds = Array.from({ length: 24 }, () => 0);
    for (let i = 0; i < 5_000; i++) {
      const delayMs = forgetDelayMs(name(i));
      expect(forgetDelayMs(name(i))).toBe(delayMs);
      perTenSeconds[Math.floor((delayMs - 300_000) / 10_000)]! += 1;
    }
    // 208 each, if they were spread perfectly.
    expect(Math.max(...perTenSeconds)).toBeLessThan(420);
  },
);

it("is forgotten even if the object dies right after a lone request", async () => {
  const address = new UserObject(await publishLimits(bucket(60, "minute", 10)), `ip:${crypto.randomUUID()}`);
  await address.decide();
  await address.crash();
  later(REFILL_MS + KEPT_MS);
  expect(await address.ringAlarm()).toBe(true);
  expect(await address.stored()).toEqual([]);
});

it("is kept while one of its decisions is remembered", async () => {
  const address = new UserObject(await publishLimits(bucket(60, "minute", 10)), `ip:${crypto.randomUUID()}`);
  const first = await address.decide({ idempotencyKey: "order-1" });
  await address.pause();
  later(REFILL_MS + KEPT_MS);
  expect(await address.ringAlarm()).toBe(true);
  expect(await address.decide({ idempotencyKey: "order-1" })).toEqual({ ...first, replayed: true });
  later(2 * KEPT_MS);
  expect(await address.ringAlarm()).toBe(true);
  expect(await address.stored()).toEqual([]);
});

it("is kept while a counter is not at rest, and checked again later", async () => {
  const address = await addressThatSpentOne();
  later(KEPT_MS - 2_000);
  await address.decide();
  await address.pause();
  later(2_000 + REFILL_MS);
  expect(await address.ringAlarm()).toBe(true);
  expect(await address.stored()).toContain("state");
  expect(await address.alarmAtMs()).not.toBeNull();
  later(KEPT_MS);
  expect(await address.ringAlarm()).toBe(true);
  expect(await address.stored()).toEqual([]);
});

it("is kept while anything is spent: its bucket continues", async () => {
  const address = new UserObject(await publishLimits(bucket(1, "hour", 3)), `ip:${crypto.randomUUID()}`);
  expect(await address.allowedOf(4)).toBe(3);
  await address.pause();
  for (let visit = 0; visit < 5; visit++) {
    later(KEPT_MS);
    await address.inside((object) => object.alarm());
    await address.evict();
    expect(await address.allowedOf(1)).toBe(0);
    await address.pause();
  }
});

it("is kept in the middle of a visit, before the object has seen a pause", async () => {
  const address = await addressThatSpentOne();
  later(REFILL_MS + KEPT_MS);
  expect(await address.allowedOf(11)).toBe(10);
  await address.ringAlarm();
  expect(await address.allowedOf(1)).toBe(0);
});

it("is forgotten even if its last visit used fewer limits than an earlier one", async () => {
  const routes = [{ match: "/refresh", limits: [bucket(5, "minute", 5, "refresh")] }];
  const revision = await publish({ anonymous: { limits: [bucket(60, "minute", 10)] } }, routes);
  const address = new UserObject(revision, `ip:${crypto.randomUUID()}`);
  await address.decide({ route: "/refresh" });
  await address.pause();
  await address.evict();
  await address.decide();
  await address.pause();
  later(60_000 + KEPT_MS);
  expect(await address.ringAlarm()).toBe(true);
  expect(await address.stored()).toEqual([]);
});

it("is unlike a user, who is kept: bills are made from the ledger", async () => {
  const user = new UserObject(await publishLimits(bucket(60, "minute", 10)));
  await user.decide();
  await user.pause();
  expect(await user.alarmAtMs()).toBeNull();
  later(REFILL_MS + KEPT_MS);
  expect(await user.stored()).toContain("state");
});
