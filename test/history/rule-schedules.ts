/** Schedules made by hand for rules that matter too rarely in random ones. For rules.test.ts. */
import type { Ask, OperatorChange, Step } from "./schedule.ts";
import { after, ask, change, DIES, ONE, scheduleOf, stream } from "./scripted.ts";

const BLOCKED: OperatorChange = { kind: "status", status: "blocked" };

/** A lease of `other` that is spent and settled after its user has moved to `free`, where nothing is counted; and back. */
const MOVED = [
  ask(1_100, 1),
  ask(20, 1),
  change(1, { kind: "tier", tier: "free" }),
  ask(9, 6),
  ask(10, 1),
  ask(10, 10),
  ask(10, 1),
  change(10, { kind: "tier", tier: "other" }),
];

/** Requests one after the other, beside those of later steps. */
function beside(afterMs: number, times: number, everyMs: number, others: Partial<Ask> = {}): Step {
  return after(afterMs, { kind: "stream", ask: { ...ONE, holdsMs: 0, ...others }, times, everyMs });
}

export const SCRIPTED = {
  /** The requests that send the calls leave before they see the answers, which others get. */
  leavesWithTheCall: scheduleOf(
    [
      beside(100, 2, 3),
      beside(10, 1, 3),
      beside(4_075, 1, 3),
      beside(3, 6, 25),
      beside(2, 1, 3, { key: 0 }),
      beside(4, 41, 3, { route: "/own", leavesAfterMs: 4 }),
      beside(2, 3, 60, { key: 0 }),
      beside(2, 3, 60),
    ],
    {
      skewsMs: [0],
      startMs: 0,
      flushMs: 5,
      travels: [
        { upMs: 4, downMs: 0, fate: "answered" },
        { upMs: 22, downMs: 22, fate: "answered" },
        { upMs: 0, downMs: 0, fate: "answered" },
      ],
    },
  ),

  settledInAnotherTier: scheduleOf([...MOVED, ...MOVED, ...MOVED, ...MOVED, ...MOVED, ask(1_100, 60)], {
    tier: "other",
  }),

  /** A request comes just after the end of a lease, which is not settled yet. */
  spentTooLate: scheduleOf([...stream(2, 20), ask(1_010, 1)]),

  /** A lease is spent shortly before its end, and the rest of the burst after its settlement. */
  spentAtTheEnd: scheduleOf([...stream(2, 20), ask(940, 6), ask(110, 60), ask(10, 6)]),

  /** A lease is spent before the hour's end and settled after it; then another isolate reads the new hour's quota. */
  settledInTheNextHour: scheduleOf(
    [
      ask(1_500, 1),
      ask(20, 1),
      ask(10, 3),
      after(300, { kind: "isolate-is-cut-off", isolate: 0, forMs: 400 }),
      ask(600, 1),
      ask(3_000, 1, { isolate: 1 }),
    ],
    { startMs: 3_598_000 },
  ),

  /** The object dies when its floor is used up and a lease is open; that is spent, and then the rest of the quota. */
  diesWithAQuotasLease: scheduleOf(
    [
      ...stream(16, 20),
      after(5, DIES),
      ...stream(4, 5),
      ask(1_300, 1, { costMilli: 440_000 }),
      ask(10, 60),
      ask(10, 20),
    ],
    { tier: "allotted" },
  ),

  /** So it does when it has settled a lease in the last second of a month and admitted something in the next, whose quota is then spent. */
  diesInTheNextHour: scheduleOf(
    [
      ...stream(40, 20),
      ask(100, 1),
      ask(140, 1, { isolate: 1 }),
      ask(5, 1, { isolate: 1 }),
      after(5, DIES),
      ask(3_000, 1, { costMilli: 440_000 }),
      ask(10, 60),
      ask(10, 20),
    ],
    { tier: "allotted", startMs: 3_598_970 },
  ),

  /** The object dies after it lent without a write, and before its isolate settles. */
  diesAfterUnwrittenLease: scheduleOf([...stream(26, 25), after(1, DIES), ask(3_000, 1)], { tier: "free" }),

  /** So it does, and the user is blocked at once. The lease that it wrote is settled; the other is still spent. */
  blockedAfterUnwrittenLease: scheduleOf(
    [...stream(26, 25), after(1, DIES), change(1, BLOCKED), ask(5, 1, { route: "/own" }), ...stream(10, 20)],
    { tier: "free" },
  ),

  /** An isolate repeats a denial for a fifth of a second, and meanwhile the user is blocked. */
  blockedAfterADenial: scheduleOf([ask(0, 20), change(20, BLOCKED), ask(30, 1)], { tier: "tight" }),

  /** So it does, and meanwhile the key is revoked. */
  revokedAfterADenial: scheduleOf(
    [
      ask(0, 20, { key: 0 }),
      change(20, { kind: "key", key: 0, valid: false, lastsMs: null, untilMs: null }),
      ask(30, 1, { key: 0 }),
    ],
    { tier: "tight" },
  ),

  /** An isolate whose clock is 1 % slow gets a lease, its user is blocked at once, and it asks again shortly before the lease's end. */
  blockedWhileAClockLags: scheduleOf(
    [ask(0, 1), ask(2_000, 1), ask(20, 1), change(0, BLOCKED), ask(1_006, 1)],
    {
      slowPpm: [10_000, 0],
      flushMs: 0,
      travels: [{ upMs: 0, downMs: 0, fate: "answered" }],
    },
  ),

  /** The burst is used up, the object restarts with a clock that is a minute behind, and the user asks again when all is refilled. */
  restartsWithAClockBehind: scheduleOf([
    ask(0, 60),
    ask(10, 1),
    after(5, { kind: "object-dies", skewMs: -60_000 }),
    ask(50_000, 1),
  ]),

  /** The object dies right after it has deleted the account, and the operator sends the call again, while an isolate holds a lease. */
  diesWhileItDeletes: scheduleOf([
    ...stream(2, 20),
    change(5, { kind: "delete", lift: false, again: null }),
    after(5, DIES),
    ...stream(5, 100),
  ]),

  /** The object dies when the user has paused for longer than three seconds. */
  diesAfterAPause: scheduleOf([...stream(20, 5), ask(0, 30), after(4_300, DIES), ask(10, 60)]),

  /** The object dies right after a request that was alone. */
  diesAfterALoneRequest: scheduleOf([ask(0, 1), after(20, DIES), ask(10, 60)]),

  /** An isolate's clock steps back within a lease, which it would spend too late. */
  stepsBack: scheduleOf([
    ...stream(2, 20),
    ask(480, 1),
    after(1, { kind: "isolate-clock-steps", isolate: 0, byMs: -400 }),
    ask(100, 1),
    ask(429, 1),
  ]),
};

/**
 * In these, nothing may be missing from the bill, although the object dies: it has written what it decided itself, or everything. Then
 * nothing may be missing from the limits either: the number of requests that they hold.
 */
export const EXACT: ReadonlyMap<string, number | null> = new Map<keyof typeof SCRIPTED, number | null>([
  ["diesAfterUnwrittenLease", null],
  ["diesAfterAPause", 86],
  ["diesAfterALoneRequest", 60],
]);
