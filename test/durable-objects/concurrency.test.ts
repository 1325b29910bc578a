/** Concurrency limits of a user's object: slots are taken, released, and expire; a crash loses none. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { LimitDocument } from "../../src/policy/schema.ts";
import { bucket, later, publishLimits, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

const TWO_AT_ONCE: LimitDocument = { name: "parallel", kind: "concurrency", max: 2, ttlMs: 30_000 };

beforeEach(startClock);
afterEach(stopClock);

it("admits the maximum at once, and the next when one has ended", async () => {
  const user = new UserObject(await publishLimits(TWO_AT_ONCE));
  const first = await user.decide();
  later(10);
  expect(await user.allowedOf(3)).toBe(1);
  expect(await user.decide()).toMatchObject({ allowed: false, violated: ["parallel"], retryAfterMs: 1_000 });
  await user.stub.release([...first.holds]);
  expect(await user.allowedOf(2)).toBe(1);
});

it("says when to ask again, not when a slot expires, unless another limit rejects too", async () => {
  const user = new UserObject(await publishLimits(TWO_AT_ONCE, bucket(2, "minute", 2)));
  const first = await user.decide();
  expect(first.limits).toMatchObject([
    { remaining: 1, resetMs: 1_000, windowMs: 30_000 },
    { resetMs: 30_000 },
  ]);
  await user.decide();
  const both = await user.decide();
  expect(both).toMatchObject({ violated: ["parallel", "bucket"], retryAfterMs: 30_000 });
  later(29_500);
  expect((await user.status()).limits).toMatchObject([{ remaining: 0, resetMs: 500 }, {}]);
  expect(await user.decide()).toMatchObject({ violated: ["parallel", "bucket"], retryAfterMs: 500 });
  await user.stub.release([...first.holds]);
  expect((await user.status()).limits).toMatchObject([{ remaining: 1, resetMs: 500 }, {}]);
  const never = await user.decide({ costMilli: 3_000 });
  expect(never).toMatchObject({ allowed: false, retryAfterMs: null });
});

it("frees a slot that is never released when it expires", async () => {
  // apache/apisix#12823, PrefectHQ/prefect#17415
  const user = new UserObject(await publishLimits(TWO_AT_ONCE));
  expect(await user.allowedOf(3)).toBe(2);
  later(29_999);
  expect(await user.decide()).toMatchObject({ allowed: false, retryAfterMs: 1 });
  later(1);
  expect(await user.allowedOf(3)).toBe(2);
});

it("frees no other slot when one is released twice, or after it expired", async () => {
  const user = new UserObject(await publishLimits(TWO_AT_ONCE));
  const first = await user.decide();
  await user.stub.release([...first.holds]);
  later(1);
  await user.decide();
  await user.stub.release([...first.holds]);
  expect(await user.remaining()).toEqual([1]);
  later(60_000);
  await user.stub.release([...first.holds]);
  expect(await user.remaining()).toEqual([2]);
});

it("takes no slot if another limit rejects, nor for a peek", async () => {
  const user = new UserObject(await publishLimits(TWO_AT_ONCE, bucket(60, "minute", 1)));
  await user.decide();
  expect(await user.decide()).toMatchObject({ allowed: false, holds: [], violated: ["bucket"] });
  await user.decide({ peek: true });
  expect(await user.remaining()).toEqual([1, 0]);
});

it("keeps every taken slot over a crash, so never more run at once", async () => {
  const user = new UserObject(await publishLimits(TWO_AT_ONCE));
  await user.decide();
  const second = await user.decide();
  await user.stub.release([...second.holds]);
  later(5);
  await user.decide();
  await user.crash();
  expect(await user.allowedOf(1)).toBe(0);
  later(30_000);
  expect(await user.allowedOf(3)).toBe(2);
});
