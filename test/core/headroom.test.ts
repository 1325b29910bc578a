/**
 * Headroom: an object that answers from memory, crashes, and leaves stale copies of itself still never admits more than its limits, and
 * loses at most one headroom in a crash.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Charge, readings } from "../../src/core/plan.ts";
import { FLOOR_HOLD_MS, headroomMilli } from "../../src/core/headroom.ts";
import { boundOf, exactBucket, exactQuota, START_MS } from "./arbitraries.ts";
import { walkedPeriod } from "./day-walk.ts";
import { decideExactly } from "./exact-model.ts";
import { all, buckets, FAST, fast, HOURLY, hourly, quick, SLOW, slow, tiny } from "./simulated-limits.ts";
import { type ChargedCounter, type Reply, SimulatedObject, SimulatedStorage } from "./simulated-object.ts";
import { everyWindowHolds } from "./window-bound.ts";
import { HOUR_MS } from "../../src/core/time.ts";

/** Routes of one user: they share counters and differ in their headroom. */
const routes: readonly (readonly Charge[])[] = [
  [fast, hourly],
  [slow, fast],
  [hourly],
  [tiny, fast, hourly],
  [slow],
  [quick],
  [quick, slow, hourly],
];
/** The most that a crash takes from each: a headroom, and the refill of the time for which its floor is held. */
const loss = all.map(({ counter, limit }) => {
  const { grainsPerMs, grainsPerMilli } =
    limit.kind === "bucket" ? limit : { grainsPerMs: 0, grainsPerMilli: 1 };
  return headroomMilli([{ counter, limit }]) + Math.ceil((FLOOR_HOLD_MS * grainsPerMs) / grainsPerMilli);
});

function throughout(log: readonly ChargedCounter[]): void {
  for (const [counter, spec] of Object.entries(buckets)) {
    const admissions = log.filter((charged) => charged.counter === counter);
    expect(everyWindowHolds(boundOf(spec), admissions), `${counter} keeps its bound`).toBe(true);
  }
  const periods = new Map<number, number>();
  for (const { counter, atMs, costMilli } of log) {
    if (counter !== hourly.counter) continue;
    const { startMs } = walkedPeriod(HOURLY.period, atMs, HOURLY.anchorDay);
    periods.set(startMs, (periods.get(startMs) ?? 0) + costMilli);
  }
  for (const sum of periods.values())
    expect(sum, "hourly keeps its amount").toBeLessThanOrEqual(HOURLY.amountMilli);
}

/** What happens to an object. `copy` 0 owns the storage; others are stale copies, the youngest first. */
type Event =
  | { readonly kind: "ask"; copy: number; route: number; costMilli: number; times: number; afterMs: number }
  | { readonly kind: "checkpoint" }
  | { readonly kind: "crash" }
  | { readonly kind: "replaced" };

const costMilli = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0, 1_000, 2_000, 500, 1_333) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 8_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 8_000, max: 400_000 }) },
);

/** One or two routes and a few things that happen to them: few enough that they meet. */
function events(afterMs: fc.Arbitrary<number>): fc.Arbitrary<Event[]> {
  const numbers = routes.map((_, number) => number);
  const some = fc.subarray(numbers, { minLength: 1, maxLength: 2 });
  return some.chain((used) => eventsOn(fc.constantFrom(...used), afterMs));
}

function eventsOn(route: fc.Arbitrary<number>, afterMs: fc.Arbitrary<number>): fc.Arbitrary<Event[]> {
  const ask = fc.record({
    kind: fc.constant("ask" as const),
    copy: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) }),
    route,
    costMilli,
    times: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 20 }), fc.constant(450)),
    afterMs,
  });
  return fc.array(
    fc.oneof(
      { weight: 6, arbitrary: ask },
      { weight: 1, arbitrary: fc.constant({ kind: "checkpoint" as const }) },
      { weight: 1, arbitrary: fc.constant({ kind: "crash" as const }) },
      { weight: 1, arbitrary: fc.constant({ kind: "replaced" as const }) },
    ),
    { minLength: 1, maxLength: 30 },
  );
}

const forward = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 2_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 2_000, max: 2 * HOUR_MS }) },
);
/** Often back and forth, so that the object sees the same time twice. */
const anyClock = fc.oneof(forward, fc.constantFrom(500, -500, 30_000, -30_000));

/** Runs the events. After each, `afterEach` gets the owner and the copy that would follow a crash now. */
function happen(
  happenings: readonly Event[],
  afterEach: (owner: SimulatedObject, next: SimulatedObject, latestMs: number) => void = () => {},
): ChargedCounter[] {
  const storage = new SimulatedStorage();
  const log: ChargedCounter[] = [];
  let copies = [new SimulatedObject(storage, log)];
  let [nowMs, latestMs] = [START_MS, START_MS];
  for (const event of happenings) {
    const owner = copies[0];
    if (owner === undefined) throw new Error("some copy always owns the storage");
    switch (event.kind) {
      case "ask": {
        nowMs += event.afterMs;
        latestMs = Math.max(latestMs, nowMs);
        const copy = copies[event.copy] ?? owner;
        const charges = routes[event.route] ?? [];
        for (let n = 0; n < event.times; n++) copy.ask(charges, event.costMilli, nowMs);
        break;
      }
      case "checkpoint":
        owner.checkpoint();
        break;
      case "crash":
      case "replaced": {
        const next = new SimulatedObject(storage, log);
        owner.cutOff();
        copies = event.kind === "crash" ? [next, ...copies.slice(1)] : [next, ...copies];
        break;
      }
    }
    afterEach(copies[0] ?? owner, new SimulatedObject(storage, log), latestMs);
  }
  return log;
}

describe("over crashes, checkpoints and stale copies", () => {
  it("never admits more than burst + rate * w in any window, nor more than the quota in any period", () => {
    fc.assert(
      fc.property(events(forward), (happenings) => throughout(happen(happenings))),
      { numRuns: 2_000 },
    );
  });

  it("keeps both bounds when the clock steps back, measured in the object's own time", () => {
    fc.assert(
      fc.property(events(anyClock), (happenings) => throughout(happen(happenings))),
      { numRuns: 2_000 },
    );
  });

  it("assumes after a crash at any moment at most one headroom and five seconds of refill more spending than there was, never less", () => {
    fc.assert(
      fc.property(events(anyClock), (happenings) => {
        happen(happenings, (owner, next, latestMs) => {
          const remaining = readings(owner.left(all, latestMs), latestMs);
          readings(next.left(all, latestMs), latestMs).forEach(({ name, remainingMilli }, position) => {
            const lostMilli = (remaining[position]?.remainingMilli ?? NaN) - remainingMilli;
            expect(lostMilli, `${name} never gains by a crash`).toBeGreaterThanOrEqual(0);
            expect(lostMilli, `${name} loses one headroom`).toBeLessThanOrEqual(loss[position] ?? 0);
          });
        });
      }),
      { numRuns: 2_000 },
    );
  });

  it("answers like the exact model without crashes: the headroom is invisible", () => {
    const asks = fc.array(fc.record({ costMilli, afterMs: anyClock, checkpoints: fc.boolean() }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(asks, (each) => {
        const object = new SimulatedObject(new SimulatedStorage(), []);
        const charges = [fast, slow, hourly];
        const model = [
          exactBucket(FAST, START_MS),
          exactBucket(SLOW, START_MS),
          exactQuota(HOURLY, START_MS),
        ];
        object.ask(charges, 0, START_MS);
        let nowMs = START_MS;
        for (const { costMilli: cost, afterMs, checkpoints } of each) {
          nowMs += afterMs;
          const reply: Reply = decideExactly(model, cost, nowMs).allowed ? "allowed" : "denied";
          expect(object.ask(charges, cost, nowMs)).toBe(reply);
          if (checkpoints) object.checkpoint();
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("a stale copy", () => {
  it("spends the headroom it wrote before it was replaced, and then cannot answer", () => {
    const storage = new SimulatedStorage();
    const log: ChargedCounter[] = [];
    const stale = new SimulatedObject(storage, log);
    expect(stale.ask([slow], 1_000, START_MS)).toBe("allowed");
    const owner = new SimulatedObject(storage, log);
    stale.cutOff();
    const replies = Array.from({ length: 6 }, () => stale.ask([slow], 1_000, START_MS));
    // 2 % of 250.5 tokens are 5.01: five requests, of which the first was before.
    expect(replies).toEqual(["allowed", "allowed", "allowed", "allowed", "unwritable", "unwritable"]);
    const admitted = Array.from({ length: 300 }, () => owner.ask([slow], 1_000, START_MS));
    expect(admitted.filter((reply) => reply === "allowed")).toHaveLength(245);
    throughout(log);
  });
});

describe("a floor that is held", () => {
  it("rejects no user after a crash who continues as before, or twice as fast", () => {
    for (const everyMs of [170, 500, 900]) {
      const storage = new SimulatedStorage();
      const object = new SimulatedObject(storage, []);
      for (let n = 0; n < 40; n++) object.ask([quick], 1_000, START_MS + n * everyMs);
      const crashedMs = START_MS + 39 * everyMs;
      const next = new SimulatedObject(storage, []);
      for (let n = 1; n <= 400; n++) {
        expect(next.ask([quick], 1_000, crashedMs + Math.ceil((n * everyMs) / 2))).toBe("allowed");
      }
    }
  });
});

describe("a clock that steps back", () => {
  it("refills no time twice from an old floor", () => {
    const storage = new SimulatedStorage();
    const log: ChargedCounter[] = [];
    const object = new SimulatedObject(storage, log);
    const laterMs = START_MS + 60_000;
    object.ask([fast], 1_000, START_MS); // writes a headroom of 8 tokens
    object.ask([fast], 0, laterMs); // full again: the headroom is useless now
    for (let n = 0; n < 8; n++) object.ask([fast], 1_000, START_MS); // the clock is back where it was
    const restarted = new SimulatedObject(storage, log);
    restarted.ask([fast], FAST.capacityMilli, laterMs);
    throughout(log);
  });
});
