/** All limits of a request are decided together: none is charged unless all pass, and a denial costs nothing. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { bucket, later, publish, publishLimits, quota, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

it("leaves the first limit untouched if the second denies, and the second if the first does", async () => {
  // unkeyed/unkey#1995
  const wide = bucket(1, "day", 10, "wide");
  const narrow = bucket(1, "day", 2, "narrow");
  for (const limits of [
    [wide, narrow],
    [narrow, wide],
  ]) {
    const user = new UserObject(await publishLimits(...limits));
    expect(await user.allowedOf(50)).toBe(2);
    const { allowed, violated, limits: views } = await user.decide();
    expect({ allowed, violated }).toEqual({ allowed: false, violated: ["narrow"] });
    expect(views.find(({ name }) => name === "wide")?.remaining).toBe(8);
    await user.pause();
    await user.evict();
    expect((await user.remaining()).toSorted()).toEqual([0, 8]);
  }
});

it("names every limit that rejects, and waits for the last of them", async () => {
  const user = new UserObject(await publishLimits(bucket(60, "minute", 2), quota(2, "hour")));
  expect(await user.allowedOf(3)).toBe(2);
  expect(await user.decide()).toMatchObject({ violated: ["bucket", "quota"], retryAfterMs: 3_600_000 });
  later(1_000);
  expect(await user.decide()).toMatchObject({ violated: ["quota"], retryAfterMs: 3_599_000 });
});

it("enforces a route's own limit together with the tier's", async () => {
  const revision = await publish({ free: { limits: [bucket(1, "day", 10)] } }, [
    { match: "/refresh", limits: [bucket(1, "day", 3, "refresh")] },
    { match: "/identify" },
  ]);
  const user = new UserObject(revision);
  expect(await user.allowedOf(5, { route: "/refresh" })).toBe(3);
  expect(await user.remaining({ route: "/refresh" })).toEqual([7, 0]);
  expect(await user.allowedOf(20, { route: "/identify" })).toBe(7);
});

it("admits a client that retries in a loop exactly as early as one that waits", async () => {
  // upstash/ratelimit-js#156, upstash/ratelimit-js#161, TykTechnologies/tyk#1876
  const revision = await publishLimits(bucket(6, "minute", 2), bucket(1, "second", 2, "second"));
  const patient = new UserObject(revision);
  const eager = new UserObject(revision);
  for (const user of [patient, eager]) expect(await user.allowedOf(3)).toBe(2);
  for (let ms = 0; ms < 10_000; ms += 100) {
    expect(await eager.decide()).toMatchObject({ allowed: false, retryAfterMs: 10_000 - ms });
    later(100);
  }
  expect(await eager.decide()).toMatchObject({ allowed: true });
  expect(await patient.decide()).toMatchObject({ allowed: true });
  expect((await eager.status()).usage.hour).toEqual({ requests: 3, cost: 3, denied: 101 });
});

it("writes nothing while it denies, until the user pauses", async () => {
  const user = new UserObject(await publishLimits(bucket(1, "day", 3)));
  await user.allowedOf(3);
  await user.pause();
  // A lone request is written at once, even if it is denied.
  expect(await user.allowedOf(1)).toBe(0);
  const before = await user.state();
  expect(await user.allowedOf(200)).toBe(0);
  expect(await user.state()).toEqual(before);
});
