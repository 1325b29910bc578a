/** A lease that an isolate holds: when it asks for the next one, and for how much. */
import { expect, it } from "vitest";
import type { LimitView } from "../../src/core/decision.ts";
import { SpendableLease } from "../../src/limiter/spendable-lease.ts";

const ASKED_AT_MS = 1_900_000_000_000;
const MILLI = 20_000;

/** A lease of twenty tokens and a second, with this many spent. */
function leaseWith(spentTokens: number, limits: LimitView[] = [], tookMs = 0): SpendableLease {
  const lease = new SpendableLease(
    {
      id: "lease",
      milli: MILLI,
      forMs: 1_000,
      revision: 1,
      tier: "pro",
      keyId: null,
      route: null,
      limits,
    },
    "pro",
    ASKED_AT_MS,
    0,
    tookMs,
  );
  for (let i = 0; i < spentTokens; i++) expect(lease.spend(null, 1_000)).toBe(true);
  return lease;
}

it.each([
  // The next request may come after its end.
  [9, 840, 0, false],
  [9, 860, 0, true],
  // The rest is spent in the time of two calls and 20 ms.
  [18, 500, 0, false],
  [19, 500, 0, true],
  [15, 500, 40, false],
  [16, 500, 40, true],
  // Not before three fifths of its amount or its time are gone.
  [10, 0, 80, false],
  [11, 0, 80, true],
  [0, 599, 80, false],
  [0, 600, 80, true],
])(
  "is low as late as the next one still comes in time: %i tokens in %i ms, calls of %i ms",
  (spent, ms, tookMs, isLow) => {
    expect(leaseWith(spent, [], tookMs).isLow(ASKED_AT_MS + ms, 1_000)).toBe(isLow);
  },
);

it.each([
  // One and a half times the demand of a second at this pace, this request included.
  [12, 600, 32_500],
  [5, 400, 22_500],
  // At most four times as much as this one, at least a quarter.
  [12, 100, 80_000],
  [12, 0, 80_000],
  [3, 600, 10_000],
  [9, 2_500, 6_000],
  // Fewer than 2.25 requests are expected.
  [1, 800, 5_000],
  [1, 900, 0],
  [0, 600, 0],
])("the next one follows the demand: %i tokens in %i ms want %i millitokens", (spent, ms, wanted) => {
  expect(leaseWith(spent).nextMilli(ASKED_AT_MS + ms, 1_000)).toBe(wanted);
});

it("spends nothing beyond its amount, in any parts, nor after settlement", () => {
  const lease = leaseWith(19);
  expect(lease.spend(null, 1_001)).toBe(false);
  expect(lease.spend("/a", 1_000)).toBe(true);
  expect(lease.spend(null, 1)).toBe(false);
  const { cells } = lease.settlement();
  expect(cells.map(({ route, requests, costMilli }) => [route, requests, costMilli])).toEqual([
    ["", 19, 19_000],
    ["/a", 1, 1_000],
  ]);
  expect(lease.spend(null, 0)).toBe(false);
});

it("counts what it has left as not over", () => {
  // The object has lent 20 of the 90 tokens beyond the included amount that it counts as used.
  const month: LimitView = {
    name: "month",
    kind: "quota",
    limit: 1_200,
    remaining: 110,
    resetMs: 9_000,
    windowMs: 60_000,
    included: 1_000,
    over: 90,
  };
  const [view] = leaseWith(5, [month]).decision(1_000, ASKED_AT_MS).limits;
  expect(view).toMatchObject({ remaining: 125, included: 1_000, over: 75 });
});
