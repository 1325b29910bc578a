/** The kinds of random schedules: what may occur in each, and how often. */
import fc from "fast-check";
import {
  change as changeOfLending,
  clockSteps,
  cutOff,
  slowPpm,
  traffic,
  travelMs,
} from "./lending-events.ts";
import { LENDING, REDEFINED, STRICT, type TierName } from "./policies.ts";
import {
  anySkew,
  ask,
  changes,
  FATES,
  ISOLATES,
  isolateDies,
  moves,
  objectDies,
  replaced,
  writeFails,
} from "./random-events.ts";
import type { Fate, Schedule, WorldEvent } from "./schedule.ts";

/** The possible events of one kind of schedule. */
export interface Conditions {
  readonly tiers: readonly TierName[];
  readonly asks: fc.Arbitrary<WorldEvent>;
  readonly fates: readonly Fate[];
  readonly skewsMs: fc.Arbitrary<number>;
  /** 0 if left out. */
  readonly slowPpm?: fc.Arbitrary<number>;
  /** At most 3 ms if left out. */
  readonly travelMs?: fc.Arbitrary<number>;
  /** From the beginning of the hour. Anywhere in it if left out, often at its end. */
  readonly startMs?: fc.Arbitrary<number>;
  /** The time from one event to the next. Mostly a few milliseconds, sometimes seconds, if left out. */
  readonly afterMs?: fc.Arbitrary<number>;
  /** Besides requests. */
  readonly events: readonly fc.Arbitrary<WorldEvent>[];
  /** Four if left out. */
  readonly asksPerEvent?: number;
}

/** Nothing fails. */
export const LENT: Omit<Conditions, "events"> = {
  tiers: LENDING,
  asks: traffic,
  fates: ["answered"],
  skewsMs: anySkew,
  slowPpm,
  travelMs,
};

export const CONDITIONS = {
  /** Nothing fails. */
  calm: { tiers: STRICT, asks: ask, fates: ["answered"], skewsMs: anySkew, events: [] },
  /** Nothing fails, and operators make changes. */
  busy: { tiers: STRICT, asks: ask, fates: ["answered"], skewsMs: anySkew, events: changes(STRICT) },
  /** Nothing fails, and operators move a user between tiers that define the same limits differently. */
  redefined: {
    tiers: REDEFINED,
    asks: ask,
    fates: ["answered"],
    skewsMs: anySkew,
    events: moves([...REDEFINED, ...REDEFINED, "wide"]),
    asksPerEvent: 1,
  },
  /** Every fault of a strict tier, except two copies of the object. */
  rough: {
    tiers: [...STRICT, ...REDEFINED],
    asks: ask,
    fates: FATES,
    skewsMs: anySkew,
    events: [...changes([...STRICT, ...REDEFINED]), objectDies(anySkew), isolateDies, writeFails],
  },
  /** Two copies of the object at once. */
  copies: {
    tiers: STRICT,
    asks: ask,
    fates: FATES,
    skewsMs: anySkew,
    events: [replaced, objectDies(fc.constant(0)), isolateDies],
  },
  /** Nothing fails, and leases are lent. */
  lent: { ...LENT, events: [] },
  /** Nothing fails, leases are lent, and operators make changes. */
  lentChanged: { ...LENT, events: changes(LENDING, changeOfLending), asksPerEvent: 3 },
  /** Every fault of tiers that lend, except two copies of the object. */
  lentRough: {
    ...LENT,
    fates: FATES,
    events: [
      ...changes([...LENDING, "tight", "renamed"], changeOfLending),
      objectDies(fc.constant(0)),
      objectDies(fc.constant(0)),
      isolateDies,
      cutOff,
      writeFails,
    ],
    asksPerEvent: 2,
  },
  /** Two copies of the object that lend, and operators who change the account in one of them. */
  lentCopies: {
    ...LENT,
    fates: FATES,
    events: [
      replaced,
      replaced,
      objectDies(fc.constant(0)),
      isolateDies,
      ...changes(LENDING, changeOfLending),
    ],
    asksPerEvent: 2,
  },
  /** Clocks of isolates step while they hold leases, and an object restarts with another clock. */
  lentSteps: {
    ...LENT,
    // No hour ends: in which of two hours something is metered when the clock steps back over their border is not judged.
    startMs: fc.integer({ min: 100_000, max: 3_000_000 }),
    events: [
      clockSteps,
      clockSteps,
      objectDies(fc.constantFrom(-3_000, -400, 0, 400, 1_500)),
      ...changes(LENDING, changeOfLending),
    ],
    asksPerEvent: 2,
  },
} satisfies Record<string, Conditions>;

/** Schedules under these conditions, with at most `steps` events. */
export function schedules(
  { tiers, asks, fates, skewsMs, events, asksPerEvent = 4, ...others }: Conditions,
  steps: number,
): fc.Arbitrary<Schedule> {
  const afterMs =
    others.afterMs ??
    fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 4 }) },
      { weight: 4, arbitrary: fc.integer({ min: 5, max: 80 }) },
      { weight: 2, arbitrary: fc.integer({ min: 100, max: 1_300 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1_300, max: 9_000 }) },
    );
  const event: fc.Arbitrary<WorldEvent> =
    events.length === 0
      ? asks
      : fc.oneof({ weight: asksPerEvent, arbitrary: asks }, { weight: 1, arbitrary: fc.oneof(...events) });
  return fc.record({
    tier: fc.constantFrom(...tiers),
    skewsMs: fc.array(skewsMs, { minLength: 1, maxLength: ISOLATES }),
    slowPpm: fc.array(others.slowPpm ?? fc.constant(0), { minLength: 1, maxLength: ISOLATES }),
    startMs: others.startMs ?? fc.oneof(fc.nat(3_500_000), fc.integer({ min: 3_595_000, max: 3_599_999 })),
    flushMs: fc.nat(8),
    travels: fc.array(
      fc.record({
        upMs: others.travelMs ?? fc.nat(3),
        downMs: others.travelMs ?? fc.nat(3),
        fate: fc.constantFrom(...fates),
      }),
      { minLength: 1, maxLength: 12 },
    ),
    steps: fc.array(fc.record({ afterMs, what: event }), { minLength: 4, maxLength: steps }),
  });
}
