/** What a policy may not contain: each fault with its place and a message that says what to do. */
import { describe, expect, it } from "vitest";
import type { PriceFields } from "../../src/billing/compile-price.ts";
import type { BillingFault } from "../../src/billing/fault.ts";
import { mayBeCapped, overageFaults, planFaults } from "../../src/billing/plan-faults.ts";
import { taxFaults } from "../../src/billing/tax.ts";
import {
  compileTerms,
  type OverageFields,
  type PlanFields,
  termsOf,
  trialTerms,
} from "../../src/billing/terms.ts";

const UNIT: PriceFields = { model: "unit", unit: "0.01" };
const FALLING: PriceFields = {
  model: "volume",
  tiers: [
    { upTo: 100, unit: "2" },
    { upTo: null, unit: "1" },
  ],
};
const BATCH = { route: "/batch", of: "count", price: UNIT };

function written(faults: readonly BillingFault[]): string[] {
  return faults.map(({ path, message }) => `${path.join("/")}: ${message}`);
}

function expectFault(faults: readonly BillingFault[], fault: string): void {
  expect(written(faults)).toHaveLength(1);
  expect(written(faults)[0]).toContain(fault);
}

describe("a plan", () => {
  it.each<[string, PlanFields, string]>([
    ["a base that is a number with a comma", { base: "1,5" }, "base: must be an amount as a string"],
    ["a negative base", { base: "-1" }, "base: must be an amount as a string"],
    ["a minimum with 13 digits", { minimum: "1000000000000" }, "minimum: must be an amount as a string"],
    [
      "a wrong price",
      { prices: [BATCH, { route: "/a", of: "tokens", price: { model: "graduated", tiers: [] } }] },
      "prices/1/price/tiers: must have 1 to 100 price tiers",
    ],
    [
      "two prices for one unit of a route",
      { prices: [BATCH, BATCH] },
      "prices/1: count of /batch already has a price",
    ],
    [
      "more than 100 possible lines",
      { prices: Array.from({ length: 98 }, (_, index) => ({ ...BATCH, route: `/${index}` })) },
      "prices: may have at most 97 prices",
    ],
  ])("with %s is rejected", (_why, plan, fault) => {
    expectFault(planFaults(plan), fault);
  });

  it("may have a price for each unit of a route, 97 prices, or nothing at all", () => {
    const many = Array.from({ length: 97 }, (_, index) => ({ ...BATCH, route: `/${index}` }));
    for (const plan of [{}, { prices: many }, { base: "0", prices: [BATCH, { ...BATCH, of: "tokens" }] }]) {
      expect(planFaults(plan)).toEqual([]);
    }
  });
});

describe("an overage", () => {
  it.each<[string, OverageFields, PlanFields, string]>([
    ["payg without a price", { mode: "payg" }, {}, "price: is needed in mode payg"],
    ["prepaid without a price", { mode: "prepaid" }, {}, "price: is needed in mode prepaid"],
    ["a price that stops", { price: UNIT }, {}, "price: has no effect in mode stop"],
    ["a cap that stops", { mode: "stop", spendCap: "1" }, {}, "spendCap: has no effect in mode stop"],
    [
      "a wrong cap",
      { mode: "payg", price: UNIT, spendCap: "-1" },
      {},
      "spendCap: must be an amount as a string",
    ],
    [
      "a wrong price",
      { mode: "payg", price: { model: "unit", unit: "x" } },
      {},
      "price/unit: must be an amount",
    ],
    [
      "a cap with prices by route",
      { mode: "payg", price: UNIT, spendCap: "1" },
      { prices: [BATCH] },
      "spendCap: cannot be combined with plan.prices",
    ],
    [
      "prepaid with prices by route",
      { mode: "prepaid", price: UNIT },
      { prices: [BATCH] },
      "mode: cannot be combined with plan.prices",
    ],
    [
      "a cap on a price that falls",
      { mode: "payg", price: FALLING, spendCap: "1" },
      {},
      "spendCap: needs a price that never falls",
    ],
    [
      "prepaid with a price that falls",
      { mode: "prepaid", price: FALLING },
      {},
      "mode: needs a price that never falls",
    ],
    [
      "prepaid with a base",
      { mode: "prepaid", price: UNIT },
      { base: "1" },
      "mode: prepaid needs plan.base and plan.minimum to be 0",
    ],
    [
      "prepaid with a minimum",
      { mode: "prepaid", price: UNIT },
      { minimum: "1" },
      "mode: prepaid needs plan.base and plan.minimum to be 0",
    ],
  ])("that is %s is rejected", (_why, overage, plan, fault) => {
    expectFault(overageFaults(overage, plan), fault);
  });

  it("without a cap may fall, and may stand beside prices by route", () => {
    expect(overageFaults({ mode: "payg", price: FALLING }, { base: "99", prices: [BATCH] })).toEqual([]);
    expect(overageFaults({}, {})).toEqual([]);
    expect(overageFaults({ mode: "prepaid", price: UNIT }, { base: "0.00" })).toEqual([]);
  });

  it("takes a customer's budget under the same conditions as a cap", () => {
    expect(mayBeCapped(UNIT, {})).toBe(true);
    expect(mayBeCapped(UNIT, { prices: [BATCH] })).toBe(false);
    expect(mayBeCapped(FALLING, {})).toBe(false);
  });
});

describe("tax rates", () => {
  it("are percentages from 0 to 100, each listed once for a country", () => {
    const rate = (percent: string, name = "VAT") => ({ country: "DE", name, percent });
    expect(taxFaults([rate("0"), rate("100", "A"), rate("9.975", "B")])).toEqual([]);
    expect(written(taxFaults([rate("100.1"), rate("19", "A"), rate("-1", "B"), rate("7")]))).toEqual([
      '0/percent: must be a string from "0" to "100"',
      '2/percent: must be a string from "0" to "100"',
      "3: DE VAT is listed twice",
    ]);
  });
});

describe("terms", () => {
  const plan: PlanFields = { base: "99", minimum: "10", prices: [BATCH] };
  const terms = termsOf(plan, { name: "month", amount: 1_000.5, overage: { mode: "payg", price: UNIT } });

  it("are a copy of the plan and the quota, in JSON", () => {
    expect(JSON.parse(JSON.stringify(terms))).toEqual({
      base: "99",
      minimum: "10",
      quota: { name: "month", unit: "requests", includedMilli: 1_000_500, mode: "payg", price: UNIT },
      prices: [BATCH],
    });
    expect(termsOf({}, null)).toEqual({ base: "0", minimum: "0", quota: null, prices: [] });
    expect(termsOf({}, { name: "month", amount: 1 }).quota).toMatchObject({ mode: "stop", price: null });
  });

  it("of a trial have no base, no minimum and no overage", () => {
    const trial = compileTerms(trialTerms(terms));
    expect([trial.baseFemto, trial.minimumFemto, trial.quota?.mode, trial.quota?.price]).toEqual([
      0n,
      0n,
      "stop",
      null,
    ]);
    expect(trial.quota?.includedMilli).toBe(1_000_500);
    expect(trial.prices).toHaveLength(1);
  });

  it("that no valid policy has made are an error, not a guess", () => {
    expect(() => compileTerms({ ...terms, base: "x" })).toThrow(RangeError);
    expect(() => compileTerms({ ...terms, minimum: "-1" })).toThrow(RangeError);
    const price: PriceFields = { model: "graduated", tiers: [] };
    expect(() => compileTerms({ ...terms, prices: [{ ...BATCH, price }] })).toThrow(RangeError);
  });
});
