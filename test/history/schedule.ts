/** What happens in a simulated world: who asks, what fails, what operators do. Drawn by fast-check, plain data. */
import fc from "fast-check";
import {
  LEASED,
  LEASED_OTHERWISE,
  REDEFINED,
  ROUTES,
  type RouteName,
  STRICT,
  type TierName,
  VARIANTS,
} from "./policies.ts";

/**
 * How a call goes: `answered`; `lost` on the way there; its answer lost (`unanswered`), or later than anybody waits (`late`);
 * `hangs`: nobody ever hears of it again; refused as `overloaded`.
 */
export type Fate = "answered" | "lost" | "unanswered" | "late" | "hangs" | "overloaded";

export interface Travel {
  readonly upMs: number;
  readonly downMs: number;
  readonly fate: Fate;
}

export interface Ask {
  readonly kind: "ask";
  readonly isolate: number;
  readonly route: RouteName;
  /** Which key it comes with. */
  readonly key: number | null;
  /** Requests at once; of more than one, `asBatch` makes one question of all. */
  readonly count: number;
  readonly asBatch: boolean;
  readonly peek: boolean;
  readonly idempotencyKey: string | null;
  /** The client goes away after so long, unless it has its answer. */
  readonly leavesAfterMs: number | null;
  /** All of it once more after so long. */
  readonly againAfterMs: number | null;
}

/** One user's steady traffic, as leases are for. */
const traffic: fc.Arbitrary<Ask> = fc.record({
  kind: fc.constant("ask" as const),
  isolate: fc.constantFrom(0, 0, 0, 1),
  route: fc.constantFrom<RouteName[]>("/one", "/one", "/one", "/one", ...ROUTES),
  key: fc.constantFrom(null, null, null, null, null, 0),
  count: fc.constantFrom(1, 1, 1, 2, 3, 6, 40),
  asBatch: fc.constantFrom(false, false, false, true),
  peek: fc.constant(false),
  idempotencyKey: fc.constant(null),
  leavesAfterMs: fc.constantFrom(null, null, null, null, null, null, null, null, 4),
  againAfterMs: fc.constantFrom(null, null, null, null, 9),
});

export type Change =
  | { readonly kind: "tier"; readonly tier: TierName }
  | { readonly kind: "status"; readonly status: "active" | "blocked" }
  | { readonly kind: "numbers"; readonly burst: number | null }
  | {
      readonly kind: "grant";
      readonly limit: "minute" | "hour";
      readonly amount: number;
      readonly lastsMs: number;
      /** Known once it is sent. */
      readonly untilMs: number | null;
    }
  | { readonly kind: "reset"; readonly limits: readonly string[] | null }
  | { readonly kind: "key"; readonly key: number; readonly valid: boolean };

export type Happening =
  | Ask
  | { readonly kind: "change"; readonly isolate: number; readonly change: Change }
  | { readonly kind: "policy"; readonly isolate: number; readonly variant: number; readonly lagMs: number }
  | { readonly kind: "object-dies"; readonly skewMs: number }
  | { readonly kind: "object-is-replaced"; readonly forMs: number; readonly followers: number }
  | { readonly kind: "isolate-dies"; readonly isolate: number }
  | { readonly kind: "write-fails" };

/** What happens so long after what happened before. */
export interface Step {
  readonly afterMs: number;
  readonly what: Happening;
}

export interface Schedule {
  readonly tier: TierName;
  /** How far each isolate's clock is off. */
  readonly skewsMs: readonly number[];
  /** Into the hour. */
  readonly startMs: number;
  /** How long writes take. */
  readonly flushMs: number;
  /** How calls go, one after the other and over again. */
  readonly travels: readonly Travel[];
  readonly steps: readonly Step[];
}

const ISOLATES = 4;
const KEYS = 2;

/** Requests of all kinds. */
const ask: fc.Arbitrary<Ask> = fc.record({
  kind: fc.constant("ask" as const),
  isolate: fc.nat(ISOLATES - 1),
  route: fc.constantFrom<RouteName[]>("/one", "/one", "/one", ...ROUTES),
  key: fc.constantFrom(null, null, 0, 1),
  count: fc.constantFrom(1, 1, 1, 2, 4, 9),
  asBatch: fc.constantFrom(false, false, true),
  peek: fc.constantFrom(false, false, false, false, false, false, true),
  idempotencyKey: fc.constantFrom(null, null, null, null, null, "a", "b"),
  leavesAfterMs: fc.constantFrom(null, null, null, null, null, null, null, null, null, 0, 3, 12),
  againAfterMs: fc.constantFrom(null, null, 9),
});

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    kind: fc.constant("status" as const),
    status: fc.constantFrom("active" as const, "blocked" as const),
  }),
  fc.record({ kind: fc.constant("numbers" as const), burst: fc.constantFrom(null, 2, 7, 40, 200) }),
  fc.record({
    kind: fc.constant("grant" as const),
    limit: fc.constantFrom("minute" as const, "hour" as const),
    amount: fc.constantFrom(1, 5, 30),
    lastsMs: fc.constantFrom(50, 700, 20_000),
    untilMs: fc.constant(null),
  }),
  fc.record({
    kind: fc.constant("reset" as const),
    limits: fc.constantFrom<(readonly string[] | null)[]>(null, ["minute"], ["hour", "own"]),
  }),
  fc.record({ kind: fc.constant("key" as const), key: fc.nat(KEYS - 1), valid: fc.boolean() }),
);

const isolate = fc.nat(ISOLATES - 1);

/** Which of the things that may happen do happen. */
interface Weather {
  readonly tiers: readonly TierName[];
  readonly asks: fc.Arbitrary<Ask>;
  readonly fates: readonly Fate[];
  readonly skewsMs: fc.Arbitrary<number>;
  /** Besides requests. */
  readonly events: readonly fc.Arbitrary<Happening>[];
  /** Four if left out. */
  readonly asksPerEvent?: number;
}

/** Mostly into another tier, now and then a reset. */
function moves(tiers: readonly TierName[]): fc.Arbitrary<Happening>[] {
  const tier = fc.record({ kind: fc.constant("tier" as const), tier: fc.constantFrom(...tiers) });
  const every = fc.record({ kind: fc.constant("change" as const), isolate, change: tier });
  return [every, every, every, ...changes(tiers)];
}

function changes(tiers: readonly TierName[]): fc.Arbitrary<Happening>[] {
  const tier = fc.record({ kind: fc.constant("tier" as const), tier: fc.constantFrom(...tiers) });
  return [
    fc.record({ kind: fc.constant("change" as const), isolate, change: fc.oneof(change, change, tier) }),
    fc.record({
      kind: fc.constant("policy" as const),
      isolate,
      variant: fc.nat(VARIANTS.length - 1),
      lagMs: fc.constantFrom(0, 20, 900),
    }),
  ];
}

const objectDies = (skews: fc.Arbitrary<number>): fc.Arbitrary<Happening> =>
  fc.record({ kind: fc.constant("object-dies" as const), skewMs: skews });
const replaced: fc.Arbitrary<Happening> = fc.record({
  kind: fc.constant("object-is-replaced" as const),
  forMs: fc.integer({ min: 1, max: 3_000 }),
  followers: fc.nat(2 ** ISOLATES - 1),
});
const isolateDies: fc.Arbitrary<Happening> = fc.record({
  kind: fc.constant("isolate-dies" as const),
  isolate,
});
const writeFails: fc.Arbitrary<Happening> = fc.constant({ kind: "write-fails" as const });

const FATES: readonly Fate[] = [
  ...Array.from({ length: 40 }, () => "answered" as const),
  "lost",
  "unanswered",
  "late",
  "hangs",
  "overloaded",
];
const anySkew = fc.oneof(fc.constant(0), fc.integer({ min: -90_000, max: 90_000 }));

export const WEATHERS = {
  /** Nothing fails. */
  calm: { tiers: STRICT, asks: ask, fates: ["answered"], skewsMs: anySkew, events: [] },
  /** Nothing fails, and leases are granted. */
  calmLeased: { tiers: LEASED, asks: traffic, fates: ["answered"], skewsMs: anySkew, events: [] },
  /** Nothing fails, and operators are busy. */
  busy: { tiers: STRICT, asks: ask, fates: ["answered"], skewsMs: anySkew, events: changes(STRICT) },
  /** Nothing fails, and operators move a user among tiers that define the same limits otherwise. */
  redefined: {
    tiers: REDEFINED,
    asks: ask,
    fates: ["answered"],
    skewsMs: anySkew,
    events: moves([...REDEFINED, ...REDEFINED, "wide"]),
    asksPerEvent: 1,
  },
  /** Everything at once that may befall a strict tier, but for copies. */
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
  /** Everything that may befall a leased tier. */
  roughLeased: {
    tiers: [...LEASED, ...LEASED_OTHERWISE],
    asks: fc.oneof(traffic, traffic, ask),
    fates: FATES,
    skewsMs: anySkew,
    events: [
      ...changes([...LEASED, ...LEASED_OTHERWISE, "tight", "renamed"]),
      objectDies(fc.constant(0)),
      isolateDies,
      writeFails,
    ],
  },
  /** A leased tier whose limits stay as they are, so that every window can be held against the bound. */
  lossyLeased: {
    tiers: ["leased"],
    asks: traffic,
    fates: FATES,
    skewsMs: anySkew,
    events: [objectDies(fc.constant(0)), isolateDies],
  },
} satisfies Record<string, Weather>;

/** Schedules of one kind of weather: `steps` things that happen, at most. */
export function schedules(
  { tiers, asks, fates, skewsMs, events, asksPerEvent = 4 }: Weather,
  steps: number,
): fc.Arbitrary<Schedule> {
  const afterMs = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 4 }) },
    { weight: 4, arbitrary: fc.integer({ min: 5, max: 80 }) },
    { weight: 2, arbitrary: fc.integer({ min: 100, max: 1_300 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1_300, max: 9_000 }) },
  );
  const happening: fc.Arbitrary<Happening> =
    events.length === 0
      ? asks
      : fc.oneof({ weight: asksPerEvent, arbitrary: asks }, { weight: 1, arbitrary: fc.oneof(...events) });
  return fc.record({
    tier: fc.constantFrom(...tiers),
    skewsMs: fc.array(skewsMs, { minLength: 1, maxLength: ISOLATES }),
    startMs: fc.oneof(fc.nat(3_500_000), fc.integer({ min: 3_595_000, max: 3_599_999 })),
    flushMs: fc.nat(8),
    travels: fc.array(
      fc.record({
        upMs: fc.nat(3),
        downMs: fc.nat(3),
        fate: fc.constantFrom(...fates),
      }),
      { minLength: 1, maxLength: 12 },
    ),
    steps: fc.array(fc.record({ afterMs, what: happening }), { minLength: 4, maxLength: steps }),
  });
}
