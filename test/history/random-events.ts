/** Random events of a simulated world, for fast-check. */
import fc from "fast-check";
import { ROUTES, type RouteName, type TierName, VARIANTS } from "./policies.ts";
import type { Ask, Fate, OperatorChange, WorldEvent } from "./schedule.ts";

export const ISOLATES = 4;
const KEYS = 2;

/** How long a request holds its slot; null: it is never released. */
export const holdsMs = fc.constantFrom(0, 3, 40, 700, 2_900, 4_000, null);

/** Requests of all kinds. */
export const ask: fc.Arbitrary<Ask> = fc.record({
  kind: fc.constant("ask" as const),
  isolate: fc.nat(ISOLATES - 1),
  route: fc.constantFrom<RouteName[]>("/one", "/one", "/one", ...ROUTES),
  costMilli: fc.constantFrom(null, null, null, null, null, null, null, null, 250, 3_000),
  key: fc.constantFrom(null, null, null, 0, 0, 1, 1, KEYS, KEYS + 1),
  count: fc.constantFrom(1, 1, 1, 2, 4, 9),
  asBatch: fc.constantFrom(false, false, true),
  peek: fc.constantFrom(false, false, false, false, false, false, true),
  idempotencyKey: fc.constantFrom(null, null, null, null, null, "a", "b"),
  holdsMs,
  leavesAfterMs: fc.constantFrom(null, null, null, null, null, null, null, null, null, 0, 3, 12),
  againAfterMs: fc.constantFrom(null, null, 9),
  computesMs: fc.constant(0),
});

/** When grants are revoked before their end. */
export const revokedAfterMs = fc.constantFrom(null, 0, 20, 400, 1_500);

/** Replaces a key: the old one works for a while, or stops at once. */
export const rotation = (keys: number): fc.Arbitrary<OperatorChange> =>
  fc.record({
    kind: fc.constant("rotate" as const),
    key: fc.nat(keys - 1),
    graceMs: fc.constantFrom(0, 0, 700, 3_000),
    oldKeyId: fc.constant(""),
    newKeyId: fc.constant(""),
  });

/** Ends the account, and mostly makes it again. */
export const deletion = (tiers: readonly TierName[]): fc.Arbitrary<OperatorChange> =>
  fc.record({
    kind: fc.constant("delete" as const),
    lift: fc.boolean(),
    again: fc.option(
      fc.record({ tier: fc.constantFrom(...tiers), afterMs: fc.constantFrom(0, 10, 300, 2_000) }),
      { freq: 3, nil: null },
    ),
  });

const change: fc.Arbitrary<OperatorChange> = fc.oneof(
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
    revokedAfterMs,
  }),
  fc.record({
    kind: fc.constant("reset" as const),
    limits: fc.constantFrom<(readonly string[] | null)[]>(null, ["minute"], ["hour", "own"]),
  }),
  rotation(KEYS),
  fc.record({
    kind: fc.constant("key" as const),
    key: fc.nat(KEYS - 1),
    valid: fc.constantFrom(true, false, false),
    lastsMs: fc.constantFrom(null, null, 700, 3_000),
    untilMs: fc.constant(null),
  }),
);

const isolate = fc.nat(ISOLATES - 1);

/** Mostly moves to another tier, sometimes other changes. */
export function moves(tiers: readonly TierName[]): fc.Arbitrary<WorldEvent>[] {
  const tier = fc.record({ kind: fc.constant("tier" as const), tier: fc.constantFrom(...tiers) });
  const every = fc.record({ kind: fc.constant("change" as const), isolate, change: tier });
  return [every, every, every, ...changes(tiers)];
}

export function changes(
  tiers: readonly TierName[],
  others: fc.Arbitrary<OperatorChange> = change,
): fc.Arbitrary<WorldEvent>[] {
  const tier = fc.record({ kind: fc.constant("tier" as const), tier: fc.constantFrom(...tiers) });
  return [
    fc.record({
      kind: fc.constant("change" as const),
      isolate,
      change: fc.oneof(
        { weight: 8, arbitrary: others },
        { weight: 4, arbitrary: tier },
        { weight: 1, arbitrary: deletion(tiers) },
      ),
    }),
    fc.record({
      kind: fc.constant("policy" as const),
      isolate,
      variant: fc.nat(VARIANTS.length - 1),
      lagMs: fc.constantFrom(0, 20, 900),
    }),
  ];
}

export const objectDies = (skews: fc.Arbitrary<number>): fc.Arbitrary<WorldEvent> =>
  fc.record({ kind: fc.constant("object-dies" as const), skewMs: skews });
export const replaced: fc.Arbitrary<WorldEvent> = fc.record({
  kind: fc.constant("object-is-replaced" as const),
  forMs: fc.integer({ min: 1, max: 3_000 }),
  followers: fc.nat(2 ** ISOLATES - 1),
});
export const isolateDies: fc.Arbitrary<WorldEvent> = fc.record({
  kind: fc.constant("isolate-dies" as const),
  isolate,
});
export const writeFails: fc.Arbitrary<WorldEvent> = fc.constant({ kind: "write-fails" as const });

export const FATES: readonly Fate[] = [
  ...Array.from({ length: 40 }, () => "answered" as const),
  "lost",
  "unanswered",
  "late",
  "hangs",
  "overloaded",
];
export const anySkew = fc.oneof(fc.constant(0), fc.integer({ min: -90_000, max: 90_000 }));
