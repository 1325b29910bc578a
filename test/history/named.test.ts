/** Histories that once broke a guarantee, or that are too rare among random ones, each named by what it shows. */
import { expect, it } from "vitest";
import type { History } from "./history.ts";
import { violationsOf } from "./judge.ts";
import type { Schedule, Step } from "./schedule.ts";
import { after, ANSWERED, ask, change, DIES, leased, ONE, played, stream } from "./scripted.ts";

async function judged(steps: readonly Step[], others: Partial<Schedule> = {}): Promise<History> {
  const history = await played(steps, others);
  expect(violationsOf(history)).toEqual([]);
  return history;
}

it("an object that dies after settling a lease and lending the next one does not admit the first one's requests again", async () => {
  const history = await judged([
    ask(0, 1),
    ask(10, 1),
    // More than 60 % of a lease of 14: the next request asks for another, and that call settles the first and lends a third.
    ask(10, 9),
    ask(10, 1),
    ask(10, 7),
    ask(10, 1),
    after(6, DIES),
    ask(5, 40),
    ask(10, 40),
  ]);
  expect(leased(history).length).toBeGreaterThan(20);
});

it("an object that dies after its user has paused bills what was spent of a lease, and does not charge it again", async () => {
  const history = await judged([
    ask(0, 1),
    ask(10, 1),
    ask(10, 6),
    after(4_300, DIES),
    // By then, a lease that was never settled would be charged in full, and a floor that is held has refilled.
    ask(12_000, 60),
  ]);
  expect(leased(history)).toHaveLength(6);
  const [hour] = history.usage;
  expect(hour?.requests).toBe(2 + 6 + 60);
});

// Between the two changes the hour ends, so that the state of the hour's quota is empty.
it("a quota that is defined anew twice before it is used counts what was used before", async () => {
  const history = await judged(
    [
      ask(0, 1),
      ask(0, 2, { costMilli: 3_000 }),
      after(1_300, { kind: "policy", isolate: 0, variant: 1, lagMs: 0 }),
      after(3_680, { kind: "change", isolate: 0, change: { kind: "tier", tier: "anchored" } }),
      ask(100, 3),
    ],
    { tier: "hourly", startMs: 3_595_000 },
  );
  expect(history.asked.map(({ decision }) => decision?.outcome).slice(-3)).toEqual([
    "allowed",
    "denied",
    "denied",
  ]);
});

// Nothing was ever charged, so the object that restarts does not know that an isolate may repeat a denial.
it("a request that cost more than a limit held is decided by a raised limit, although the object restarted", async () => {
  const costly = { costMilli: 7_000 };
  const history = await judged([
    change(0, { kind: "numbers", burst: 5 }),
    ask(1_500, 1, costly),
    after(5, DIES),
    change(5, { kind: "numbers", burst: null }),
    ask(40, 1, costly),
  ]);
  expect(history.asked.map(({ decision }) => decision?.outcome)).toEqual(["denied", "allowed"]);
});

// The object takes almost the whole deadline, so the second request's own answer comes too late.
it("a client that leaves does not make the limiter fail: those behind it still hear that the object is alive", async () => {
  const travel = { upMs: 30, downMs: 27, fate: "answered" as const };
  const { asked } = await judged([ask(0, 1, { leavesAfterMs: 2 }), ask(1, 1)], {
    tier: "tight",
    travels: [travel],
  });
  expect(asked[1]?.decision?.outcome).toBe("overloaded");
});

// An operator who gets no answer sends the call again.
it("an account is created once, even if it is deleted while its creation waits for leases", async () => {
  const { acks } = await judged([
    change(0, { kind: "delete", lift: false, again: { tier: "leased", afterMs: 0 } }),
    ask(0, 1),
    change(100, { kind: "delete", lift: false, again: null }),
    ask(0, 1),
  ]);
  expect(acks.map(({ number }) => number).toSorted()).toEqual([1, 2, 3]);
});

// The user's tier changes to the same one, so that only the change itself can make a difference.
it("a lease that nobody settled has refilled after a change of the account as it would have without one", async () => {
  const history = await judged([
    ...stream(5, 20),
    after(25, { kind: "isolate-dies", isolate: 0 }),
    change(8_000, { kind: "tier", tier: "leased" }),
    ask(5, 60),
  ]);
  expect(history.asked.filter(({ decision }) => decision?.allowed)).toHaveLength(65);
});

it("denials reported in a call whose answer is lost are in the ledger once", async () => {
  // Two calls use up the burst of 8; the third only reports the denials that the isolate repeated meanwhile.
  const travels = [
    ANSWERED,
    ANSWERED,
    ANSWERED,
    { ...ANSWERED, fate: "unanswered" as const },
    ...Array.from({ length: 8 }, () => ANSWERED),
  ];
  const history = await judged([ask(0, 10), ask(10, 3), ask(10, 3), ask(1_500, 1)], {
    tier: "tight",
    travels,
  });
  expect(history.asked.filter(({ decision }) => decision?.source === "deny-cache")).toHaveLength(6);
  const [hour] = history.usage;
  expect(hour?.denied).toBe(8);
});

it("a user who always holds a lease is decided by their own tier when the object fails, however long ago the object was asked", async () => {
  const travel = { upMs: 1, downMs: 1 };
  // One call every 600 ms: calls begin to fail after ten minutes.
  const travels = [
    ...Array.from({ length: 1_020 }, () => ({ ...travel, fate: "answered" as const })),
    ...Array.from({ length: 1_000 }, () => ({ ...travel, fate: "lost" as const })),
  ];
  const steps = Array.from({ length: 2_080 }, () => ask(300, 1));
  const history = await judged(steps, { tier: "free", travels });
  const fallback = history.asked.flatMap(({ decision }) => (decision?.source === "fallback" ? decision : []));
  expect(fallback.length).toBeGreaterThan(20);
  expect(new Set(fallback.map(({ tier }) => tier))).toEqual(new Set(["free"]));
});

it("a client that leaves with the call that settles a lease takes no requests from the bill", async () => {
  const cutOff = { kind: "isolate-is-cut-off", isolate: 0, forMs: 200 } as const;
  const slow = { upMs: 5, downMs: 5, fate: "answered" } as const;
  const history = await judged(
    [
      ask(100, 1),
      after(11, { kind: "stream", ask: { ...ONE, leavesAfterMs: 0 }, times: 15, everyMs: 3 }),
      after(10, cutOff),
      after(0, cutOff),
      after(100, cutOff),
      after(5, { kind: "stream", ask: ONE, times: 1, everyMs: 3 }),
      after(0, { kind: "stream", ask: ONE, times: 25, everyMs: 3 }),
    ],
    { skewsMs: [0], startMs: 0, flushMs: 0, travels: [slow] },
  );
  expect(leased(history)).toHaveLength(9);
});
