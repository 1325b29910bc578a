/** What an object charges for a lease, whether its isolate reports too much or nothing, and that it is written in either case. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Lease } from "../../src/objects/object-call.ts";
import { bucket, later, publish, quota, request, START_MS, startClock, stopClock } from "./fixture.ts";
import { PAUSE_MS, UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

/** The time of a lease and the grace in which it may still be settled. */
const CLOSED_MS = 1_000 + 5_000;

async function userWith(burst: number, name?: string): Promise<UserObject> {
  const limits = [bucket(1, "day", burst)];
  return new UserObject(await publish({ free: { mode: "leased", limits } }), name);
}

describe("an isolate that reports more than it was lent", () => {
  it.each(["", "/x"])("is charged what it was lent (route %j)", async (route) => {
    const user = await userWith(1_000);
    const leaseId = await user.lease(10_000);
    const cells = [{ route, keyId: "", requests: 500, costMilli: 500_000, denied: 0 }];
    await user.stub.serve({ settlements: [{ leaseId, cells }], questions: [] });
    expect(await user.remaining()).toEqual([1_000 - 1 - 10]);
    await user.pause();
    await user.crash();
    expect(await user.remaining()).toEqual([1_000 - 1 - 10]);
  });
});

describe("a lease that is never settled, and no request after it", () => {
  it("is charged in full and written when its time is over", async () => {
    const user = await userWith(1_000);
    await user.lease(10_000);
    await user.pause();
    expect(await user.state()).toMatchObject({ leases: { open: [{ milli: 10_000 }] }, restsAtMs: null });
    await user.pause(CLOSED_MS);
    const state = await user.state();
    expect(state).toMatchObject({ leases: { open: [] }, restsAtMs: expect.any(Number) });
    await user.evict();
    expect(await user.remaining()).toEqual([1_000 - 1 - 10]);
    expect(await user.state()).toEqual(state);
  });

  it("does not keep an address from being forgotten", async () => {
    const user = await userWith(1_000, `ip:${crypto.randomUUID()}`);
    await user.lease(10_000);
    await user.pause(PAUSE_MS + CLOSED_MS);
    expect(await user.alarmAtMs()).toEqual(expect.any(Number));
  });
});

describe("a lease whose user changes tier before it is settled, and back", () => {
  const TIERS = {
    free: { mode: "leased" as const, limits: [bucket(1, "day", 400), quota(800, "month")] },
    other: { mode: "leased" as const, limits: [quota(1_000, "day", "bucket")] },
    none: { limits: [] },
  };

  it.each(["other", "none"])("counts in the limits that it was lent from: by way of %s", async (tier) => {
    const user = new UserObject(await publish(TIERS));
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    for (let i = 0; i < 8; i++) {
      const leaseId = await user.lease(8_000);
      await user.stub.changeAccount({ tier });
      await user.decide();
      const cells = [{ route: "", keyId: "", requests: 8, costMilli: 8_000, denied: 0 }];
      await user.stub.serve({ settlements: [{ leaseId, cells }], questions: [] });
      await user.stub.changeAccount({ tier: "free" });
      if (i % 2 === 1) await user.crash();
    }
    const [left, monthLeft] = await user.remaining();
    expect(left).toBeLessThanOrEqual(400 - 8 * 9);
    expect(left).toBeGreaterThanOrEqual(400 - 8 * 9 - 4 * 8);
    expect(monthLeft).toBeLessThanOrEqual(800 - 8 * 10);
  });
});

describe("a lease ends 50 ms before what it rests on", () => {
  async function lent(
    user: UserObject,
    given: Parameters<typeof request>[0] = {},
  ): Promise<Lease | undefined> {
    const question = {
      request: request({ revision: user.revision, ...given }),
      decide: false,
      wantMilli: 10_000,
    };
    const [repeated] = await user.stub.serve({ settlements: [], questions: [{ question, times: 1 }] });
    return repeated?.answer.lease ?? undefined;
  }

  it("a grant", async () => {
    const user = await userWith(1_000);
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    const grant = {
      grantId: "g",
      limit: "bucket",
      amount: 100,
      untilMs: START_MS + 2_000,
      createdMs: START_MS,
    };
    await user.stub.grant(grant);
    later(1_500);
    expect((await lent(user))?.forMs).toBe(450);
    later(450);
    expect(await lent(user)).toBeUndefined();
    later(50);
    expect((await lent(user))?.forMs).toBe(1_000);
  });

  it("a key", async () => {
    const user = await userWith(1_000);
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    const key = { keyId: "k", hash: "0".repeat(64), name: "", scopes: ["call" as const] };
    await user.stub.addKey({ ...key, expiresMs: START_MS + 700 });
    expect((await lent(user, { keyId: "k" }))?.forMs).toBe(650);
    expect((await lent(user))?.forMs).toBe(1_000);
  });
});
