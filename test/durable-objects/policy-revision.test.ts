/**
 * Policy changes as the object sees them: it never decides by an older revision than it has seen, and what was used stays
 * used however the limit changes.
 */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { documentKey } from "../../src/policy/policy-store.ts";
import {
  bucket,
  later,
  nextRevision,
  publish,
  publishLimits,
  quota,
  startClock,
  stopClock,
} from "./fixture.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

describe("the fence", () => {
  it("loads the newer revision that a request names before it decides", async () => {
    const older = await publishLimits(bucket(1, "day", 2));
    const newer = await publishLimits(bucket(1, "day", 5));
    const user = new UserObject(older);
    expect(await user.decide()).toMatchObject({ revision: older, limits: [{ limit: 2 }] });
    expect(await user.decide({ revision: newer })).toMatchObject({ revision: newer, limits: [{ limit: 5 }] });
  });

  it("never decides by an older revision than it has seen, not even in a new isolate", async () => {
    const older = await publishLimits(bucket(1, "day", 500));
    const newer = await publishLimits(bucket(1, "day", 400));
    const user = new UserObject(older);
    await user.decide({ revision: newer });
    expect(await user.decide()).toMatchObject({ revision: newer });
    await user.moveToNewIsolate();
    expect(await user.decide()).toMatchObject({ revision: newer, limits: [{ limit: 400 }] });
    await user.moveToNewIsolate();
    expect((await user.status()).revision).toBe(newer);
  });

  it("stores the revision it has seen before it answers, even if the headroom covers the decision", async () => {
    const older = await publishLimits(bucket(1, "day", 1_000));
    const newer = await publishLimits(bucket(1, "day", 1_000));
    const user = new UserObject(older);
    await user.allowedOf(2);
    await user.moveToNewIsolate();
    await user.decide();
    await user.decide({ revision: newer });
    await user.moveToNewIsolate();
    expect(await user.decide()).toMatchObject({ revision: newer });
  });

  it("does not decide if the newer revision cannot be loaded, and leaves the user unchanged", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 10)));
    await user.allowedOf(4);
    const before = await user.state();
    const missing = nextRevision();
    expect(await user.failureOf({ revision: missing })).toContain(`revision ${missing} cannot be loaded`);
    expect(await user.state()).toEqual(before);
    expect(await user.remaining()).toEqual([6]);
    // Once KV has it, it applies.
    await env.CONFIG.put(documentKey(missing), (await env.CONFIG.get(documentKey(user.revision))) ?? "");
    expect(await user.decide({ revision: missing })).toMatchObject({
      revision: missing,
      limits: [{ remaining: 5 }],
    });
  });

  it("rejects a newer revision that is not a policy", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 10)));
    await user.decide();
    for (const rubbish of ["", "not JSON", "{}", '{"schema":1,"tiers":{}}']) {
      const revision = nextRevision();
      await env.CONFIG.put(documentKey(revision), rubbish);
      expect(await user.failureOf({ revision })).toContain("cannot be loaded");
    }
    expect(await user.remaining()).toEqual([9]);
  });

  it("does not decide in an isolate that cannot get the revision the object has seen", async () => {
    const older = await publishLimits(bucket(1, "day", 500));
    const newer = await publishLimits(bucket(1, "day", 2));
    const user = new UserObject(older);
    await user.decide({ revision: newer });
    await user.moveToNewIsolate();
    await env.CONFIG.delete(documentKey(newer));
    expect(await user.failureOf({})).toContain(`revision ${newer} cannot be loaded`);
    await expect(user.status()).rejects.toThrow(`revision ${newer} cannot be loaded`);
  });
});

describe("a change of a limit", () => {
  it("admits a denied user at once if it is raised", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 10)));
    expect(await user.allowedOf(11)).toBe(10);
    user.revision = await publishLimits(bucket(1, "day", 15));
    expect(await user.allowedOf(11)).toBe(5);
  });

  it("hands out nothing if it is lowered: what was used stays used", async () => {
    // unkeyed/unkey#5519, envoyproxy/ratelimit#185
    const user = new UserObject(await publishLimits(bucket(60, "minute", 100)));
    expect(await user.allowedOf(60)).toBe(60);
    user.revision = await publishLimits(bucket(60, "minute", 50));
    // 60 used of 50: one token is there when 11 have been refilled.
    expect(await user.decide()).toMatchObject({ allowed: false, retryAfterMs: 11_000 });
    later(10_999);
    expect(await user.allowedOf(1)).toBe(0);
    later(1);
    expect(await user.allowedOf(2)).toBe(1);
    user.revision = await publishLimits(bucket(60, "minute", 100));
    expect(await user.remaining()).toEqual([50]);
  });

  it("keeps what was used if the unit of the rate changes, even over a crash in between", async () => {
    const user = new UserObject(await publishLimits(bucket(7, "day", 50)));
    expect(await user.allowedOf(30, { costMilli: 1_000 })).toBe(30);
    await user.crash();
    user.revision = await publishLimits(bucket(3, "hour", 50));
    expect(await user.remaining()).toEqual([20]);
    await user.decide();
    user.revision = await publishLimits(bucket(11, "minute", 40));
    expect(await user.remaining()).toEqual([9]);
    expect(await user.allowedOf(20)).toBe(9);
  });

  it("charges a lease of a wide limit, and continues even if that is too much to be counted exactly", async () => {
    const tier = { mode: "leased" } as const;
    const user = new UserObject(await publish({ free: { ...tier, limits: [bucket(1e9, "second", 1e9)] } }));
    const costMilli = 1e9;
    const leaseId = await user.lease(16 * costMilli, { costMilli });
    user.revision = await publish({ free: { ...tier, limits: [bucket(10.001, "day", 10.001)] } });
    const cells = [{ route: "", keyId: "", requests: 16, costMilli: 16 * costMilli, denied: 0 }];
    await user.decide({ peek: true });
    await user.stub.serve({ settlements: [{ leaseId, cells }], questions: [] });
    await user.evict();
    expect(await user.decide()).toMatchObject({ outcome: "denied", limits: [{ remaining: 0 }] });
  });

  it("lends nothing to an isolate with an older revision, which could not spend it", async () => {
    const tier = { mode: "leased" as const, limits: [bucket(1, "day", 1_000)] };
    const user = new UserObject(await publish({ free: tier }));
    await user.decide({ revision: await publish({ free: tier }) });
    await expect(user.lease(10_000)).rejects.toThrow("nothing was leased");
  });

  it("keeps what was used of a quota", async () => {
    const user = new UserObject(await publishLimits(quota(10, "month")));
    expect(await user.allowedOf(11)).toBe(10);
    user.revision = await publishLimits(quota(12, "month"));
    expect(await user.allowedOf(11)).toBe(2);
    user.revision = await publishLimits(quota(5, "month"));
    expect(await user.allowedOf(3)).toBe(0);
    user.revision = await publishLimits(quota(13, "month"));
    expect(await user.allowedOf(3)).toBe(1);
  });

  it("gives a new limit a new counter, and a restored one its old counter", async () => {
    const day = bucket(1, "day", 20, "day");
    const user = new UserObject(await publishLimits(day));
    await user.allowedOf(5);
    user.revision = await publishLimits(bucket(1, "day", 3, "other"));
    expect(await user.allowedOf(5)).toBe(3);
    await user.pause();
    await user.evict();
    user.revision = await publishLimits(day);
    expect(await user.remaining()).toEqual([15]);
  });
});
