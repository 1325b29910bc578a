/** What an object charges for a lease, whether its isolate reports too much or nothing, and that it is written in either case. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bucket, publish, startClock, stopClock } from "./fixture.ts";
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
    await user.crash();
    expect(await user.remaining()).toEqual([1_000 - 1 - 10]);
  });
});

describe("a lease that is never settled, and no request after it", () => {
  it("is charged in full and written when its time is over", async () => {
    const user = await userWith(1_000);
    await user.lease(10_000);
    await user.pause();
    expect(await user.state()).toMatchObject({ leases: [{ milli: 10_000 }], restsAtMs: null });
    await user.pause(CLOSED_MS);
    const state = await user.state();
    expect(state).toMatchObject({ leases: [], restsAtMs: expect.any(Number) });
    await user.evict();
    expect(await user.remaining()).toEqual([1_000 - 1 - 10]);
    expect(await user.state()).toEqual(state);
  });

  it("does not keep an address from being forgotten", async () => {
    const user = await userWith(1_000, `ip:${crypto.randomUUID()}`);
    await user.lease(10_000);
    expect(await user.alarmAtMs()).toBeNull();
    await user.pause(PAUSE_MS + CLOSED_MS);
    expect(await user.alarmAtMs()).toEqual(expect.any(Number));
  });
});
