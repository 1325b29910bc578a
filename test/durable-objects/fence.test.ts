/** A change is acknowledged once no isolate decides without it, and made once however often it is sent. Decisions never wait for it. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bucket, later, publish, request, START_MS, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

/** The longest that a lease or a repeated denial is in use, and the error of an isolate's clock. */
const FENCE_MS = 1_050;
const TIERS = {
  free: { limits: [bucket(1, "day", 1_000)] },
  small: { limits: [bucket(1, "day", 3)] },
  pro: { limits: [bucket(1, "day", 2_000)] },
};

const wait = scheduler.wait.bind(scheduler);
/** Functions that end the fences that wait. */
let ends: (() => void)[] = [];

beforeEach(() => {
  startClock();
  ends = [];
  vi.mocked(scheduler.wait).mockImplementation((ms) =>
    ms === FENCE_MS ? new Promise((done) => ends.push(done)) : wait(Math.min(ms, 1)),
  );
});
afterEach(stopClock);

async function account(tier: keyof typeof TIERS = "free"): Promise<UserObject> {
  const user = new UserObject(await publish(TIERS));
  await user.stub.createAccount("ann", { name: "Ann", tier });
  // An object that has just started waits for what an earlier life may have lent or denied.
  later(10_000);
  return user;
}

/** Ends the waits, as timers of the object do. */
async function endWaits(user: UserObject): Promise<void> {
  await user.inside(() => ends.forEach((end) => end()));
}

/** Whether the call has been answered by now. */
async function isAnswered(call: Promise<unknown>): Promise<boolean> {
  return Promise.race([call.then(() => true), wait(20).then(() => false)]);
}

const cellsOf = (requests: number) => [
  { route: "", keyId: "", requests, costMilli: requests * 1_000, denied: 0 },
];
const settle = (user: UserObject, leaseId: string, requests: number) =>
  user.stub.serve({ settlements: [{ leaseId, cells: cellsOf(requests) }], questions: [] });

describe("a change that admits less", () => {
  it("is acknowledged when the leases from before it are settled, and in force at once", async () => {
    const user = await account();
    const leaseId = await user.lease(16_000);
    const changed = user.stub.changeAccount({ tier: "small" });
    expect((await user.decide()).tier).toBe("small");
    expect(await isAnswered(changed)).toBe(false);
    await settle(user, leaseId, 2);
    expect((await changed).kind).toBe("account");
  });

  it("waits for a lease that nobody settles until it cannot be spent any more", async () => {
    const user = await account();
    await user.lease(16_000);
    const changed = user.stub.changeAccount({ status: "blocked" });
    expect((await user.decide()).outcome).toBe("blocked");
    expect(await isAnswered(changed)).toBe(false);
    await endWaits(user);
    expect((await changed).kind).toBe("account");
  });

  it("waits for leases that its object does not know, since it died after it lent them", async () => {
    const user = await account();
    await user.lease(16_000);
    await user.lease(16_000);
    await user.crash();
    const changed = user.stub.changeAccount({ tier: "small" });
    await vi.waitFor(() => expect(ends.length).toBeGreaterThan(0));
    expect(await isAnswered(changed)).toBe(false);
    await endWaits(user);
    expect((await changed).kind).toBe("account");
  });

  it("does not wait if nothing is lent", async () => {
    const user = await account();
    await user.allowedOf(3);
    await user.pause();
    expect((await user.stub.changeAccount({ tier: "small" })).kind).toBe("account");
    expect(ends).toEqual([]);
  });
});

describe("a grant", () => {
  const grant = (grantId: string) => ({
    grantId,
    limit: "bucket",
    amount: 10,
    untilMs: START_MS + 60_000,
    createdMs: START_MS,
  });

  it("waits until isolates no longer repeat a denial, not for leases", async () => {
    const user = await account("small");
    await user.stub.grant(grant("first"));
    expect(ends).toEqual([]);
    expect(await user.allowedOf(20)).toBe(13);
    const granted = user.stub.grant(grant("second"));
    await vi.waitFor(() => expect(ends.length).toBeGreaterThan(0));
    expect(await user.allowedOf(20)).toBe(10);
    await endWaits(user);
    expect((await granted).kind).toBe("grant");
  });

  it("is made once if the same call comes again, even after a crash, and is answered as the first one", async () => {
    const user = await account("small");
    const by = { actor: "op", reason: "", callId: "op POST /grants key-1" };
    const first = await user.stub.grant(grant("first"), by);
    await user.decide();
    await user.crash();
    const again = user.stub.grant(grant("second"), by);
    await vi.waitFor(() => expect(ends.length).toBeGreaterThan(0));
    await endWaits(user);
    expect(await again).toEqual(first);
    expect(await user.allowedOf(20)).toBe(12);
  });

  it("is not made, nor waited for, with the id of a call that asked for something else, even after a crash", async () => {
    const user = await account("small");
    const by = { actor: "op", reason: "", callId: "op POST /grants key-1", fingerprint: "one" };
    const first = await user.stub.grant(grant("first"), by);
    await user.decide();
    await user.crash();
    const other = { ...by, fingerprint: "two" };
    expect(await user.stub.grant(grant("second"), other)).toEqual({ kind: "call-differs" });
    expect(ends).toEqual([]);
    // A call that an older Worker stored, or that an older edge sends, is not known to differ.
    const { fingerprint: _fingerprint, ...older } = other;
    const again = user.stub.grant(grant("second"), older);
    await vi.waitFor(() => expect(ends.length).toBeGreaterThan(0));
    await endWaits(user);
    expect(await again).toEqual(first);
    await user.inside((_object, { storage }) => storage.sql.exec("UPDATE calls SET fingerprint = NULL"));
    const stored = user.stub.grant(grant("second"), other);
    await vi.waitFor(() => expect(ends.length).toBeGreaterThan(1));
    await endWaits(user);
    expect(await stored).toEqual(first);
    expect(await user.allowedOf(20)).toBe(12);
  });
});

describe("a reset", () => {
  it("waits first and changes then: nothing is lent, no denial is repeated, and no lease from before is charged", async () => {
    const user = await account();
    const leaseId = await user.lease(16_000);
    const question = { request: request({ revision: user.revision }), decide: true, wantMilli: 16_000 };
    const reset = user.stub.reset(null);
    await vi.waitFor(() => expect(ends.length).toBeGreaterThan(0));
    const [meanwhile] = await user.stub.serve({ settlements: [], questions: [{ question, times: 1 }] });
    expect(meanwhile?.answer).toMatchObject({ decision: { allowed: true }, lease: null, repeatMs: 0 });
    expect(await isAnswered(reset)).toBe(false);
    await endWaits(user);
    await reset;
    await settle(user, leaseId, 5);
    expect(await user.remaining()).toEqual([1_000]);
    // What the isolate spent is metered.
    expect((await user.status()).usage.month.requests).toBe(1 + 1 + 5);
  });
});

describe("a lease that was lent after the object's last write", () => {
  it("is charged by the floor of the object that starts after a crash, and metered once", async () => {
    const user = await account();
    await user.lease(16_000);
    const leaseId = await user.lease(8_000);
    const [left = 0] = await user.remaining();
    await user.crash();
    const [leftAfter = 0] = await user.remaining();
    expect(leftAfter).toBeLessThanOrEqual(left);
    await settle(user, leaseId, 6);
    await settle(user, leaseId, 6);
    expect(await user.remaining()).toEqual([leftAfter]);
    const { requests } = (await user.status()).usage.month;
    expect(requests).toBeGreaterThanOrEqual(1 + 6);
    expect(requests).toBeLessThanOrEqual(2 + 6);
  });
});
