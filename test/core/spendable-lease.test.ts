/** A lease that an isolate holds: when it asks for the next one, and for how much. */
import { expect, it } from "vitest";
import type { LimitView } from "../../src/core/decision.ts";
import { SpendableLease } from "../../src/limiter/spendable-lease.ts";

const ASKED_AT_MS = 1_900_000_000_000;
const MILLI = 20_000;

/** A lease of twenty tokens and a second, with this many spent. */
function leaseWith(spentTokens: number, limits: LimitView[] = []): SpendableLease {
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
  );
  for (let i = 0; i < spentTokens; i++) expect(lease.spend(null, 1_000)).toBe(true);
  return lease;
}

it.each([
  [11, 0, false],
  [12, 0, true],
  [0, 599, false],
  [0, 600, true],
])("is low when three fifths of its amount or its time are gone: %i tokens, %i ms", (spent, ms, isLow) => {
  expect(leaseWith(spent).isLow(ASKED_AT_MS + ms)).toBe(isLow);
});

it.each([
  // Twice the demand of a second at this pace.
  [12, 600, 40_000],
  [5, 400, 25_000],
  // At most four times as much as this one, at least a quarter.
  [12, 100, 80_000],
  [12, 0, 80_000],
  [3, 600, 10_000],
  [10, 2_500, 8_000],
  // Fewer than four requests are expected.
  [2, 600, 0],
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
