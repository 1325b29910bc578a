/** Kinds of schedules in which one rule of lending matters often. For rules.test.ts. */
import fc from "fast-check";
import { type Conditions, LENT } from "./conditions.ts";
import { burst, request, stream } from "./lending-events.ts";
import { deletion, isolateDies, objectDies, rotation } from "./random-events.ts";
import type { TierName } from "./policies.ts";
import type { Ask, Fate, OperatorChange, WorldEvent } from "./schedule.ts";

/** Plain requests of one cost, so that leases are asked for and spent. */
const plain = {
  ...request,
  route: fc.constant("/one" as const),
  costMilli: fc.constant(null),
  key: fc.constant(null),
  asBatch: fc.constant(false),
  peek: fc.constant(false),
  idempotencyKey: fc.constant(null),
  leavesAfterMs: fc.constant(null),
  againAfterMs: fc.constant(null),
  computesMs: fc.constant(0),
};

function streamOf(others: Partial<{ [K in keyof Ask]: fc.Arbitrary<Ask[K]> }>): fc.Arbitrary<WorldEvent> {
  return fc.record({
    kind: fc.constant("stream" as const),
    ask: fc.record({ ...plain, count: fc.constant(1), ...others }),
    times: fc.integer({ min: 15, max: 60 }),
    everyMs: fc.constantFrom(10, 25, 25, 60),
  });
}

const steady = streamOf({});
const keyed = streamOf({ key: fc.constant(0) });
const busy = streamOf({ computesMs: fc.integer({ min: 25, max: 40 }) });
const busyKeyed = streamOf({ key: fc.constant(0), computesMs: fc.integer({ min: 25, max: 40 }) });

/** One request that uses up much of a quota, or many that use up a bucket. */
const large = fc.record({
  ...plain,
  count: fc.constant(1),
  costMilli: fc.constantFrom(100_000, 440_000, 470_000),
});
const almostAll = fc.record({
  ...plain,
  count: fc.constant(1),
  costMilli: fc.constantFrom(50_000, 59_000, 280_000, 299_000),
});
const inSlots = streamOf({
  route: fc.constant("/slots" as const),
  holdsMs: fc.constantFrom(3, 40, 700, null),
});
const many = fc.record({ ...plain, count: fc.constantFrom(40, 60) });

function change(what: fc.Arbitrary<OperatorChange>): fc.Arbitrary<WorldEvent> {
  return fc.record({ kind: fc.constant("change" as const), isolate: fc.constantFrom(1, 2, 3), change: what });
}

const tierChange = (tiers: readonly TierName[]): fc.Arbitrary<WorldEvent> =>
  change(fc.record({ kind: fc.constant("tier" as const), tier: fc.constantFrom(...tiers) }));
const grantFor = (revokedAfterMs: number | null): fc.Arbitrary<WorldEvent> =>
  change(
    fc.record({
      kind: fc.constant("grant" as const),
      limit: fc.constantFrom("hour" as const, "minute" as const),
      amount: fc.constantFrom(60, 100),
      lastsMs: fc.constantFrom(2_000, 3_000),
      untilMs: fc.constant(null),
      revokedAfterMs: fc.constant(revokedAfterMs),
    }),
  );
const grant = grantFor(null);
const reset = change(fc.record({ kind: fc.constant("reset" as const), limits: fc.constant(null) }));
const expiringKey = change(
  fc.record({
    kind: fc.constant("key" as const),
    key: fc.constant(0),
    valid: fc.constant(true),
    lastsMs: fc.constantFrom(null, 700, 900),
    untilMs: fc.constant(null),
  }),
);
const cutOff: fc.Arbitrary<WorldEvent> = fc.record({
  kind: fc.constant("isolate-is-cut-off" as const),
  isolate: fc.constantFrom(0, 1),
  forMs: fc.constant(7_000),
});
const dies = objectDies(fc.constant(0));

/** A third of the answers are lost. */
const UNANSWERED: readonly Fate[] = ["answered", "answered", "unanswered"];

const PLAIN: Omit<Conditions, "events" | "asks" | "tiers"> = { ...LENT, skewsMs: fc.constant(0) };

export const FOCUSED = {
  /** A key that expires, or a grant that ends, while its user has leases. */
  endings: { ...PLAIN, tiers: ["leased", "ample"], asks: keyed, events: [expiringKey], asksPerEvent: 2 },
  busyEndings: {
    ...PLAIN,
    tiers: ["leased", "ample"],
    asks: busyKeyed,
    events: [expiringKey],
    asksPerEvent: 2,
  },
  moves: {
    ...PLAIN,
    tiers: ["leased", "ample"],
    asks: fc.oneof(steady, steady, many),
    events: [tierChange(["leased", "ample", "other", "free"])],
    asksPerEvent: 1,
  },
  exhausted: { ...PLAIN, tiers: ["leased"], asks: fc.oneof(steady, steady, many), events: [] },
  hourEnds: {
    ...PLAIN,
    tiers: ["leased"],
    asks: fc.oneof(busy, busy, burst),
    events: [],
    startMs: fc.integer({ min: 3_598_000, max: 3_599_700 }),
  },
  isolatesDie: {
    ...PLAIN,
    tiers: ["allotted"],
    asks: fc.oneof(steady, steady, large),
    events: [isolateDies],
    asksPerEvent: 2,
    afterMs: fc.constantFrom(10, 300, 600, 6_500),
  },
  cutOff: { ...PLAIN, tiers: ["leased", "ample", "free"], asks: steady, events: [cutOff], asksPerEvent: 3 },
  crashes: { ...PLAIN, tiers: ["free", "ample"], asks: steady, events: [dies], asksPerEvent: 2 },
  unanswered: {
    ...PLAIN,
    tiers: ["free", "ample"],
    asks: steady,
    fates: UNANSWERED,
    events: [dies],
    asksPerEvent: 3,
  },
  crashesAndMoves: {
    ...PLAIN,
    tiers: ["free", "ample"],
    asks: steady,
    events: [dies, tierChange(["free", "ample", "leased"])],
    asksPerEvent: 1,
  },
  busyMoves: {
    ...PLAIN,
    tiers: ["ample"],
    asks: busy,
    events: [tierChange(["free", "ample", "other"])],
    asksPerEvent: 1,
  },
  denied: {
    ...PLAIN,
    tiers: ["allotted", "lent"],
    asks: fc.oneof(steady, large, large),
    events: [grant],
    asksPerEvent: 3,
  },
  /** A request that costs almost all that the limits hold, while much is lent. */
  large: {
    ...PLAIN,
    tiers: ["leased", "ample"],
    asks: fc.oneof(steady, steady, almostAll),
    events: [],
  },
  slots: { ...PLAIN, tiers: ["ample", "free"], asks: fc.oneof(inSlots, steady), events: [] },
  revoked: {
    ...PLAIN,
    tiers: ["allotted", "leased"],
    asks: fc.oneof(steady, large, many),
    events: [grantFor(60), grantFor(400)],
    asksPerEvent: 1,
  },
  deleted: {
    ...PLAIN,
    tiers: ["leased", "ample"],
    asks: steady,
    events: [change(deletion(["leased", "ample"]))],
    asksPerEvent: 1,
  },
  rotated: {
    ...PLAIN,
    tiers: ["paired", "apart"],
    asks: fc.oneof(keyed, streamOf({ key: fc.constant(2) })),
    events: [change(rotation(1))],
    asksPerEvent: 2,
  },
  repeatedCalls: {
    ...PLAIN,
    tiers: ["leased"],
    asks: steady,
    fates: UNANSWERED,
    events: [grant],
    asksPerEvent: 1,
  },
  resets: { ...PLAIN, tiers: ["leased", "ample", "paired"], asks: steady, events: [reset], asksPerEvent: 2 },
  deniedResets: {
    ...PLAIN,
    tiers: ["allotted", "leased"],
    asks: fc.oneof(steady, steady, large, many, stream),
    events: [reset],
    asksPerEvent: 2,
  },
} satisfies Record<string, Conditions>;
