/** The billing board: money is added exactly, page by page, whatever the pages are. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { RunningAccount, RunningPage } from "../../dashboard/src/shell/answers.ts";
import { boundsIn, monthlyTrend } from "../../dashboard/src/billing/board-period.ts";
import { amountText, grouped, partsOf, roundText } from "../../dashboard/src/billing/money.ts";
import { MAX_LARGEST, NOTHING, withPage } from "../../dashboard/src/billing/running-totals.ts";

test.each([
  ["0", 2, "0.00"],
  ["1234567.5", 2, "1,234,567.50"],
  ["-1234.5", 2, "-1,234.50"],
  ["-0.004", 2, "0.00"],
  ["-0.005", 2, "-0.01"],
  ["0.005", 2, "0.01"],
  ["12345", 0, "12,345"],
  ["0.0012345", 3, "0.001"],
  // More than a double can hold.
  ["900719925474.099199999999", 12, "900,719,925,474.099199999999"],
])("shows %s with %i digits as %s", (amount, digits, text) => {
  expect(amountText(partsOf(amount), digits)).toBe(text);
});

test("shows a figure to the whole unit from 10,000 on", () => {
  expect(["9999.99", "10000", "-10000.4", "15179.64"].map((amount) => roundText(partsOf(amount), 2))).toEqual(
    ["9,999.99", "10,000", "-10,000", "15,180"],
  );
});

test("separates thousands only before the point", () => {
  expect(["1", "123", "1234", "-123456.123456", "1000000"].map(grouped)).toEqual([
    "1",
    "123",
    "1,234",
    "-123,456.123456",
    "1,000,000",
  ]);
});

const cents = fc.integer({ min: 0, max: 1_000_000_00 });
const account = fc.record({ base: cents, overage: cents, requests: fc.nat() });
const text = (minor: number) => `${Math.floor(minor / 100)}.${String(minor % 100).padStart(2, "0")}`;

function accountOf(of: { base: number; overage: number; requests: number }, i: number) {
  const { base, overage, requests } = of;
  const amounts = { base: text(base), overage: text(overage), subtotal: text(base + overage) };
  return {
    account: `a${i}`,
    name: "",
    tier: "pro",
    currency: "EUR",
    requests,
    ...amounts,
  } satisfies RunningAccount;
}

const page = (accounts: readonly RunningAccount[], failed: readonly string[] = []): RunningPage => ({
  computedAt: "2026-11-30T12:00:00.000Z",
  currency: "EUR",
  costPerMillion: "0.76",
  accounts,
  failed,
  cursor: null,
});

test("adds up accounts exactly, and keeps the largest overages, however they are paged", () => {
  fc.assert(
    fc.property(
      fc.array(account, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      (all, size) => {
        const accounts = all.map(accountOf);
        let totals = NOTHING;
        for (let at = 0; at < accounts.length; at += size) {
          totals = withPage(totals, page(accounts.slice(at, at + size)));
        }
        const sum = (of: "base" | "overage") => all.reduce((minor, one) => minor + one[of], 0);
        const shown = (parts: bigint) => amountText(parts, 2).replaceAll(",", "");
        expect(totals.accounts).toBe(all.length);
        expect([totals.base, totals.overage, totals.subtotal].map(shown)).toEqual(
          [sum("base"), sum("overage"), sum("base") + sum("overage")].map(text),
        );
        const largest = all.map(({ overage }) => overage).filter((overage) => overage > 0);
        expect(totals.largest.map(({ overage }) => overage)).toEqual(
          largest
            .toSorted((a, b) => b - a)
            .slice(0, MAX_LARGEST)
            .map(text),
        );
      },
    ),
  );
});

test("estimates what the requests cost from their sum, and adds up one currency only", () => {
  const ann = accountOf({ base: 100, overage: 0, requests: 1_500_000 }, 1);
  const bob = { ...accountOf({ base: 5_000, overage: 0, requests: 9 }, 2), currency: "USD" };
  const { accounts, others, base, cost } = withPage(NOTHING, page([ann, bob]));
  expect([accounts, others, amountText(base, 2), amountText(cost ?? 0n, 2)]).toEqual([1, 1, "1.00", "1.14"]);
  expect(withPage(NOTHING, { ...page([ann]), costPerMillion: null }).cost).toBeNull();
});

test("names the accounts that did not answer, of all pages", () => {
  const once = withPage(NOTHING, page([], ["ann"]));
  expect(withPage(once, page([], ["bob"])).failed).toEqual(["ann", "bob"]);
});

test("shows whole months of UTC, over the turn of a year too", () => {
  const atMs = Date.parse("2027-01-31T23:59:59Z");
  expect(["", "this", "last", "year", "other"].map((name) => Object.values(boundsIn(name, atMs)))).toEqual([
    ["2026-12-01", "2027-02-01"],
    ["2027-01-01", "2027-02-01"],
    ["2026-12-01", "2027-01-01"],
    ["2026-02-01", "2027-02-01"],
    ["2026-12-01", "2027-02-01"],
  ]);
});

test("draws the months between the first and the last that have documents, and none of fewer than two", () => {
  const trend = (...rows: readonly (readonly [string, string])[]) =>
    monthlyTrend(rows.map(([key, amount]) => ({ key, amount })));
  expect(trend()).toBeUndefined();
  expect(trend(["2026-11", "5.00"])).toBeUndefined();
  // Credit notes took back more than was invoiced in November.
  expect(trend(["2026-10", "7.50"], ["2026-11", "-1.00"], ["2027-01", "9.00"])).toEqual([7.5, 0, 0, 9]);
});
