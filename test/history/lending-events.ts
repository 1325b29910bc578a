/** Random events for tiers that lend: traffic that gets leases, and what disturbs it. For fast-check. */
import fc from "fast-check";
import type { RouteName } from "./policies.ts";
import { holdsMs, ISOLATES, revokedAfterMs, rotation } from "./random-events.ts";
import type { Ask, OperatorChange, WorldEvent } from "./schedule.ts";

const isolate = fc.nat(ISOLATES - 1);

/** Mostly of one isolate, so that it has leases. */
const busyIsolate = fc.constantFrom(0, 0, 0, 1, 1, 2, 3);

/** The longest that an isolate computes: with a clock that runs 1 % slow, it lags by 50 ms within a lease. */
const MAX_COMPUTES_MS = 40;

export const request = {
  kind: fc.constant("ask" as const),
  isolate: busyIsolate,
  route: fc.constantFrom<RouteName[]>(
    "/one",
    "/one",
    "/one",
    "/one",
    "/one",
    "/one",
    "/two",
    "/own",
    "/slots",
  ),
  costMilli: fc.constantFrom(null, null, null, null, null, null, 250, 7_000),
  // The first key, and the newest that replaces it.
  key: fc.constantFrom(null, null, null, null, null, null, 0, 0, 2),
  asBatch: fc.constantFrom(false, false, false, false, false, true),
  peek: fc.constantFrom(...Array.from({ length: 20 }, () => false), true),
  idempotencyKey: fc.constantFrom(...Array.from({ length: 20 }, () => null), "a"),
  holdsMs,
  leavesAfterMs: fc.constantFrom(...Array.from({ length: 12 }, () => null), 0, 4),
  againAfterMs: fc.constantFrom(null, null, null, null, 9),
  computesMs: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: MAX_COMPUTES_MS }) },
  ),
};

export const burst: fc.Arbitrary<Ask> = fc
  .record({
    ...request,
    count: fc.constantFrom(1, 1, 2, 3, 6, 12, 40),
  })
  .map(patientIfBatch);

/** A lease may pay for a part of a batch while the rest is asked about again. If its client leaves then, nobody sees what was spent. */
function patientIfBatch(ask: Ask): Ask {
  return ask.asBatch && ask.count > 1 ? { ...ask, leavesAfterMs: null } : ask;
}

/** Steady traffic of one isolate. Mostly short: many requests that are alike find nothing, and take most of the time. */
export const stream: fc.Arbitrary<WorldEvent> = fc.record({
  kind: fc.constant("stream" as const),
  ask: fc.record({ ...request, count: fc.constant(1) }),
  times: fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 24 }) },
    { weight: 1, arbitrary: fc.integer({ min: 25, max: 60 }) },
  ),
  everyMs: fc.constantFrom(3, 10, 25, 60, 120),
});

export const traffic: fc.Arbitrary<WorldEvent> = fc.oneof(
  { weight: 3, arbitrary: burst },
  { weight: 4, arbitrary: stream },
);

/** Changes of all kinds but the tier. Grants last at least 2 s. */
export const change: fc.Arbitrary<OperatorChange> = fc.oneof(
  fc.record({
    kind: fc.constant("status" as const),
    status: fc.constantFrom("active" as const, "active" as const, "blocked" as const),
  }),
  fc.record({ kind: fc.constant("numbers" as const), burst: fc.constantFrom(null, 5, 20, 90) }),
  fc.record({
    kind: fc.constant("grant" as const),
    limit: fc.constantFrom("minute" as const, "hour" as const),
    amount: fc.constantFrom(10, 60),
    lastsMs: fc.constantFrom(2_000, 2_600, 5_000),
    untilMs: fc.constant(null),
    revokedAfterMs,
  }),
  fc.record({
    kind: fc.constant("reset" as const),
    limits: fc.constantFrom<(readonly string[] | null)[]>(null, null, ["minute"], ["hour", "own"]),
  }),
  rotation(1),
  fc.record({
    kind: fc.constant("key" as const),
    key: fc.constant(0),
    valid: fc.constantFrom(true, true, false),
    lastsMs: fc.constantFrom(null, 700, 3_000),
    untilMs: fc.constant(null),
  }),
);

export const cutOff: fc.Arbitrary<WorldEvent> = fc.record({
  kind: fc.constant("isolate-is-cut-off" as const),
  isolate,
  forMs: fc.constantFrom(200, 1_500, 7_000),
});

export const clockSteps: fc.Arbitrary<WorldEvent> = fc.record({
  kind: fc.constant("isolate-clock-steps" as const),
  isolate: busyIsolate,
  byMs: fc.constantFrom(-60_000, -1_500, -700, -300, -40, 40, 300, 700, 1_500, 60_000),
});

/** How much too slow a clock runs, in parts per million. */
export const slowPpm: fc.Arbitrary<number> = fc.constantFrom(0, 0, 100, 10_000);

/** The object is near or far. */
export const travelMs: fc.Arbitrary<number> = fc.oneof(fc.nat(5), fc.nat(25));
