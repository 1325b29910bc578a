/** Histories that showed a fault of lending, each named by the guarantee that it tests. */
import { expect, test } from "vitest";
import { violationsOf } from "./judge.ts";
import { admitted, after, ask, change, DIES, leased, played, spend, stream } from "./scripted.ts";

/** Of the tier `leased`: tokens per second, and the burst. */
const RATE = 6;
const BURST = 60;
/** Of the tier `allotted`, per month. */
const ALLOTTED = 500;
const HEADROOM = 0.02 * ALLOTTED;
/** The most that a lease of `allotted` holds. */
const MAX_LOST = HEADROOM / 2;

// R3: a settlement charges the counters from which its lease was taken.
test("a lease that is settled in another tier is charged to the limits that it was taken from", async () => {
  // Each time, what is left of a lease is spent and settled after the user has left its tier.
  const back = [
    ...stream(6, 20),
    change(10, { kind: "tier", tier: "free" }),
    ask(5, 8),
    change(1_200, { kind: "tier", tier: "leased" }),
  ];
  const history = await played([...back, ...back, ...back, ...back, ...back, ask(50, 80)]);
  const inTier = admitted(history).filter(({ decision }) => decision?.tier === "leased");
  const seconds = ((inTier.at(-1)?.decidedMs ?? 0) - (inTier.at(0)?.decidedMs ?? 0)) / 1_000;
  expect(leased(history).length).toBeGreaterThan(0);
  expect(inTier.length).toBeLessThanOrEqual(BURST + RATE * seconds);
});

// R2: what is lent is set aside from the quota.
test("a lease of a quota is spent for a second after its user has moved to a tier without one, however much that admits", async () => {
  const history = await played(
    [
      ...stream(6, 20),
      change(10, { kind: "tier", tier: "free" }),
      ask(5, 1, { isolate: 1, costMilli: 2_000 * ALLOTTED }),
      ask(5, 1),
    ],
    { tier: "allotted" },
  );
  expect(history.asked.at(-1)?.decision).toMatchObject({ tier: "allotted", source: "lease" });
  expect(violationsOf(history)).toEqual([]);
});

// R1: a lease ends before a grant that its limits include.
test("a lease lent while extra was granted is not spent after the grant's end", async () => {
  const history = await played(
    [
      spend(0, ALLOTTED - 10),
      change(10, {
        kind: "grant",
        limit: "hour",
        amount: 100,
        lastsMs: 2_000,
        untilMs: null,
        revokedAfterMs: null,
      }),
      // 1,600 ms later all of the quota is used; the grant lasts 400 ms more.
      ...stream(10, 160),
      ...stream(5, 10),
      ask(400, 1),
    ],
    { tier: "allotted" },
  );
  const endMs = (admitted(history)[0]?.atMs ?? 0) + 2_010;
  expect(leased(history).length).toBeGreaterThan(0);
  expect(history.asked.at(-1)?.atMs).toBeGreaterThan(endMs);
  expect(admitted(history).filter(({ decidedMs }) => decidedMs >= endMs)).toEqual([]);
});

// R1: a lease ends before its key.
test("a lease is not spent after its key has expired", async () => {
  const history = await played([
    change(0, { kind: "key", key: 0, valid: true, lastsMs: 2_000, untilMs: null }),
    ...stream(12, 160, { key: 0 }),
    ask(150, 2, { key: 0 }),
  ]);
  expect(leased(history).length).toBeGreaterThan(0);
  expect(history.asked.slice(-2).map(({ decision }) => decision?.outcome)).toEqual(["revoked", "revoked"]);
});

// R16: what is set aside delays only a cost that does not pass beside it.
test("Retry-After is the time until the missing tokens are refilled, whatever is lent", async () => {
  const history = await played([...stream(6, 50), ask(10, BURST, { isolate: 1 })]);
  const denied = history.asked.flatMap(({ decision }) => (decision?.outcome === "denied" ? decision : []));
  expect(leased(history).length).toBeGreaterThan(0);
  expect(denied.length).toBeGreaterThan(0);
  // At most one token is missing.
  for (const { retryAfterMs } of denied) expect(retryAfterMs).toBeLessThanOrEqual(1_000 / RATE + 1);
});

// R16: after a crash, the object cannot know that a lease was settled, and charges all of it when its time is over.
test("a quota denies until what is lent may be free, and then until its period ends, if the lease was settled before a crash", async () => {
  const history = await played(
    [
      spend(0, ALLOTTED - 40),
      ...stream(8, 20),
      // The lease has been settled, which causes no write.
      after(1_300, DIES),
      spend(5, 22),
      spend(5, 7),
      spend(6_300, 7),
    ],
    { tier: "allotted" },
  );
  const denied = history.asked.flatMap(({ decision }) => (decision?.outcome === "denied" ? decision : []));
  const [first = 0, second = 0] = denied.map(({ retryAfterMs }) => retryAfterMs ?? 0);
  expect(leased(history).length).toBeGreaterThan(0);
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThanOrEqual(6_000);
  expect(second).toBeGreaterThan(60_000);
  expect(violationsOf(history)).toEqual([]);
});

// R11: a reset charges what is open, also to the limits that it does not reset.
test("a reset charges the lease of an isolate that has died: a denial no longer counts on it", async () => {
  const history = await played(
    [
      spend(0, ALLOTTED - 40),
      ...stream(2, 20),
      after(5, { kind: "isolate-dies", isolate: 0 }),
      change(10, { kind: "reset", limits: ["minute"] }),
      // More than is left beside the lease. The second comes after the reset, which has waited for the lease.
      ask(500, 1, { isolate: 1, costMilli: 36_000 }),
      ask(1_000, 1, { isolate: 1, costMilli: 36_000 }),
    ],
    { tier: "allotted" },
  );
  const [before, since] = history.asked.slice(-2).map(({ decision }) => decision);
  expect(before?.outcome).toBe("denied");
  expect(before?.retryAfterMs).toBeLessThan(6_000);
  expect(since?.outcome).toBe("denied");
  expect(since?.retryAfterMs).toBeGreaterThan(60_000);
  expect(violationsOf(history)).toEqual([]);
});

// R4: a lease is metered until 12 s after its end.
test("a lease that is settled after it was charged in full is billed", async () => {
  const history = await played([
    ...stream(6, 50),
    ask(10, 4),
    after(10, { kind: "isolate-is-cut-off", isolate: 0, forMs: 6_500 }),
    // The isolate has tried to settle each second: its circuit is closed again.
    ask(8_500, 1),
  ]);
  expect(leased(history).length).toBeGreaterThan(0);
  expect(history.usage.reduce((sum, { requests }) => sum + requests, 0)).toBe(11);
});

// G5: a call takes what is owed with it. If it fails, the lease's own timer may have found nothing to settle meanwhile.
test("a lease is billed even if the call that settles it fails, and its user asks no more", async () => {
  const history = await played(
    [
      ...stream(6, 50),
      ask(10, 4),
      after(100, { kind: "isolate-is-cut-off", isolate: 0, forMs: 5_000 }),
      // After the lease's end, and in transit when its timer fires.
      ask(935, 1),
      ask(4_500, 1, { isolate: 1 }),
    ],
    { travels: [{ upMs: 20, downMs: 20, fate: "answered" }] },
  );
  const byObject = admitted(history).filter(({ decision }) => decision?.source !== "fallback");
  expect(byObject.length).toBe(11);
  expect(history.usage.reduce((sum, { requests }) => sum + requests, 0)).toBe(11);
});

// A copy that was replaced does not know that its user has changed tier: what it lends counts by the limits that it knows.
test("a lease of a replaced copy is charged by no limit of the tier that its user has moved to", async () => {
  const history = await played(
    [
      ...stream(4, 40),
      after(20, { kind: "object-is-replaced", forMs: 600, followers: 1 }),
      change(5, { kind: "tier", tier: "leased" }),
      ...stream(30, 40, { costMilli: 7_000 }),
      ask(600, 9, { isolate: 1, costMilli: 7_000 }),
    ],
    { tier: "free" },
  );
  const inTier = admitted(history).filter(({ decision }) => decision?.tier === "leased");
  expect(leased(history).filter(({ decision }) => decision?.tier === "free").length).toBeGreaterThan(8);
  expect(inTier.reduce((sum, { costMilli }) => sum + costMilli, 0)).toBeGreaterThan(0);
  expect(violationsOf(history)).toEqual([]);
});

test("a replaced copy may go on by the limits of before a change, within its headroom", async () => {
  const history = await played(
    [
      // The last is written with most of a headroom.
      spend(0, 100),
      spend(5, 100),
      spend(5, 5),
      after(20, { kind: "object-is-replaced", forMs: 600, followers: 0b100 }),
      change(10, { kind: "numbers", burst: 90 }),
      // This isolate holds no lease, and asks the replaced copy.
      ask(20, 1, { isolate: 2 }),
    ],
    { tier: "ample", skewsMs: [0, 0, 0] },
  );
  expect(history.asked.at(-1)?.decision).toMatchObject({ allowed: true, source: "strict" });
  expect(violationsOf(history)).toEqual([]);
});

// R3: a settlement causes no write, so what was settled since the last one is lent again after a crash, to isolates that have settled.
test("a crash takes at most a headroom and each lease settled since the last write from a quota", async () => {
  const isolates = [0, 1, 2, 3];
  const history = await played(
    [
      // Each isolate has a lease, of which it spends nothing.
      ...isolates.flatMap((isolate) => [ask(5, 1, { isolate }), ask(5, 1, { isolate })]),
      // They have settled, and the object has not written its exact state.
      after(1_300, DIES),
      ...Array.from({ length: 500 }, () => ask(1, 1)),
    ],
    { tier: "allotted", skewsMs: isolates.map(() => 0) },
  );
  const missing = ALLOTTED - admitted(history).reduce((sum, { costMilli }) => sum + costMilli / 1_000, 0);
  expect(missing).toBeGreaterThan(HEADROOM);
  expect(missing).toBeLessThanOrEqual(HEADROOM + isolates.length * MAX_LOST);
  expect(violationsOf(history)).toEqual([]);
});

test("a crash takes at most a headroom, five seconds of refill and each lease settled since the last write from a bucket", async () => {
  const [capacity, perMs, headroom, lease] = [200, 0.012, 20, 20];
  const history = await played(
    [
      ask(0, 1, { peek: true }),
      // Two calls, each with a lease: the second ends the first, of which nothing was spent. The next peek's call settles that.
      ask(50, 6, { route: "/two" }),
      ask(60, 1, { peek: true }),
      after(5, DIES),
      ...Array.from({ length: 20 }, () => ask(5, 20)),
      // Longer than the lease is open and floors are held.
      ...stream(65, 100, { peek: true }),
    ],
    { tier: "paired" },
  );
  const charged = admitted(history).filter(({ request }) => !request.peek);
  const spent = charged.reduce((sum, { costMilli }) => sum + costMilli / 1_000, 0);
  const lastMs = history.asked.findLast(({ decision }) => !decision?.allowed)?.atMs ?? 0;
  const left = capacity + perMs * (lastMs - (charged[0]?.decidedMs ?? 0)) - spent;
  // A request was denied although so much was left.
  expect(left).toBeGreaterThan(headroom + 5_000 * perMs);
  expect(left).toBeLessThan(headroom + 5_000 * perMs + lease + 1);
  expect(history.asked.at(-1)?.decision?.allowed).toBe(true);
  expect(violationsOf(history)).toEqual([]);
});

// R8: settlements count as unwritten as decisions do, also by an object that has not decided anything since it started.
test("two crashes take at most two headrooms from the bill, although only settlements came in between", async () => {
  const isolates = [0, 1, 2, 3];
  const history = await played(
    [
      ...isolates.flatMap((isolate) => [ask(5, 1, { isolate }), ask(5, 1, { isolate })]),
      ...isolates.map((isolate) => ask(5, 4, { isolate })),
      after(5, DIES),
      // Each isolate has settled its lease.
      after(1_200, DIES),
      ask(10, 1),
    ],
    { tier: "other", skewsMs: isolates.map(() => 0) },
  );
  const billed = history.usage.reduce((sum, { requests }) => sum + requests, 0);
  expect(leased(history).length).toBeGreaterThan(2 * 6);
  expect(admitted(history).length - billed).toBeLessThanOrEqual(2 * 6);
  expect(violationsOf(history)).toEqual([]);
});

// R15: a lease of a quota holds at most half its headroom.
test("a quota loses at most one lease, of half its headroom, for each isolate that dies", async () => {
  const busy = [...stream(6, 20), ask(10, 20), ask(40, 20), after(25, { kind: "isolate-dies", isolate: 0 })];
  const history = await played(
    [...busy, ...busy, ...busy, ...Array.from({ length: 40 }, () => ask(400, 20)), ...stream(20, 400)],
    { tier: "allotted" },
  );
  expect(leased(history).length).toBeGreaterThan(0);
  expect(admitted(history).length).toBeGreaterThanOrEqual(ALLOTTED - 3 * MAX_LOST);
});
