/** Prices: the vectors of the design, edges of tiers, and the faults of a price. */
import { describe, expect, it } from "vitest";
import { compilePrice, type PriceFields } from "../../src/billing/compile-price.ts";
import { formatMoney } from "../../src/billing/money.ts";
import { costFemto, costParts, isMonotonic, type Price } from "../../src/billing/price.ts";
import { milliOf } from "./arbitraries.ts";

function compiled(fields: PriceFields): Price {
  const result = compilePrice(fields);
  if (result.kind === "faults") throw new Error(JSON.stringify(result.faults));
  return result.price;
}

function costOf(fields: PriceFields, used: number): string {
  return formatMoney(costFemto(compiled(fields), milliOf(used)));
}

function faultsOf(fields: PriceFields): string[] {
  const result = compilePrice(fields);
  return result.kind === "faults"
    ? result.faults.map(({ path, message }) => `${path.join("/")} ${message}`)
    : [];
}

const STEPS: PriceFields = {
  model: "volume",
  tiers: [
    { upTo: 100, unit: "2", flat: "10" },
    { upTo: 200, unit: "1" },
    { upTo: null, unit: "0.5", flat: "50" },
  ],
};

describe("a graduated price", () => {
  it.each([
    [
      [
        [1000, "0.10"],
        [10_000, "0.05"],
        [null, "0.01"],
      ],
      15_000,
      "600",
    ],
    [
      [
        [1000, "0.01"],
        [10_000, "0.008"],
        [null, "0.005"],
      ],
      15_000,
      "107",
    ],
  ] as const)("of %j costs, at %i, %s", (steps, used, cost) => {
    const tiers = steps.map(([upTo, unit]) => ({ upTo, unit }));
    expect(costOf({ model: "graduated", tiers }, used)).toBe(cost);
  });

  it("charges flat amounts once per tier reached, as soon as it is reached", () => {
    const flat: PriceFields = { model: "graduated", tiers: [{ upTo: null, unit: "10", flat: "2" }] };
    expect([0, 0.001, 1, 10].map((used) => costOf(flat, used))).toEqual(["0", "2.01", "12", "102"]);
    const mixed: PriceFields = {
      model: "graduated",
      tiers: [
        { upTo: 5, flat: "100" },
        { upTo: 10, flat: "50" },
        { upTo: 15, unit: "5" },
        { upTo: null, unit: "1" },
      ],
    };
    expect([5, 5.001, 10, 10.001, 22].map((used) => costOf(mixed, used))).toEqual([
      "100",
      "150",
      "150",
      "150.005",
      "182",
    ]);
  });

  it("lists what each tier charges", () => {
    const parts = costParts(
      compiled({
        model: "graduated",
        tiers: [
          { upTo: 1, unit: "2" },
          { upTo: null, flat: "3" },
        ],
      }),
      1_500,
    );
    expect(parts.map(({ quantityMilli, amountFemto }) => [quantityMilli, formatMoney(amountFemto)])).toEqual([
      [1_000n, "2"],
      [500n, "3"],
    ]);
  });
});

describe("a volume price", () => {
  it("charges all usage at the tier in which it ends, with its flat amount", () => {
    expect(costOf({ model: "volume", tiers: [{ upTo: null, unit: "0.0006", flat: "10" }] }, 65_000)).toBe(
      "49",
    );
    expect([0, 100, 100.001, 100.5, 101, 200, 200.001].map((used) => costOf(STEPS, used))).toEqual([
      "0",
      "210",
      "100.001",
      "100.5",
      "101",
      "200",
      "150.0005",
    ]);
  });

  it("may fall where a tier begins, and then is not monotonic", () => {
    expect(isMonotonic(compiled(STEPS))).toBe(false);
    const rising: PriceFields = {
      model: "volume",
      tiers: [
        { upTo: 100, unit: "1" },
        { upTo: null, unit: "1" },
      ],
    };
    expect(isMonotonic(compiled(rising))).toBe(true);
    // 100.001 tokens at 0.999990000099 cost a fraction less than 100 at 1.
    const justBelow: PriceFields = {
      model: "volume",
      tiers: [
        { upTo: 100, unit: "1" },
        { upTo: null, unit: "0.999990000099" },
      ],
    };
    expect(isMonotonic(compiled(justBelow))).toBe(false);
    const justEnough: PriceFields = {
      model: "volume",
      tiers: [
        { upTo: 100, unit: "1" },
        { upTo: null, unit: "0.999990000100" },
      ],
    };
    expect(isMonotonic(compiled(justEnough))).toBe(true);
  });
});

describe("a package price", () => {
  it.each([
    [{ size: 100, price: "5", free: 100 }, 201, "10"],
    [{ size: 10, price: "100" }, 121, "1300"],
    [{ size: 10, price: "100", free: 10 }, 121, "1200"],
    [{ size: 10, price: "100", free: 10 }, 10, "0"],
    [{ size: 10, price: "100", free: 10 }, 10.001, "100"],
    [{ size: 10, price: "100" }, 10, "100"],
  ])("of %j costs, at %d, %s", (fields, used, cost) => {
    expect(costOf({ model: "package", ...fields }, used)).toBe(cost);
  });
});

describe("a price", () => {
  it("is exact at the smallest price and the largest usage", () => {
    expect(costOf({ model: "unit", unit: "0.000000000001" }, 0.001)).toBe("0.000000000000001");
    const most = compiled({ model: "unit", unit: "999999999999.999999999999" });
    expect(costFemto(most, Number.MAX_SAFE_INTEGER)).toBe((10n ** 24n - 1n) * (2n ** 53n - 1n));
  });

  it.each<[string, PriceFields, string]>([
    ["no tiers", { model: "graduated", tiers: [] }, "tiers must have 1 to 100 price tiers"],
    [
      "upTo that does not increase",
      {
        model: "volume",
        tiers: [
          { upTo: 10, unit: "1" },
          { upTo: 10, unit: "1" },
          { upTo: null, unit: "1" },
        ],
      },
      "tiers/1/upTo must be above 10, so that tiers increase",
    ],
    [
      "upTo of 0",
      {
        model: "volume",
        tiers: [
          { upTo: 0, unit: "1" },
          { upTo: null, unit: "1" },
        ],
      },
      "tiers/0/upTo must be above 0, so that tiers increase",
    ],
    [
      "a last tier that ends",
      { model: "graduated", tiers: [{ upTo: 10, unit: "1" }] },
      "tiers/0/upTo must be null in the last tier, so that all usage has a price",
    ],
    [
      "a tier after one without an end",
      {
        model: "graduated",
        tiers: [
          { upTo: null, unit: "1" },
          { upTo: null, unit: "1" },
        ],
      },
      "tiers/0/upTo may be null only in the last tier",
    ],
    [
      "a tier that charges nothing",
      { model: "graduated", tiers: [{ upTo: null }] },
      "tiers/0 must have unit, flat or both",
    ],
    ["a negative amount", { model: "unit", unit: "-1" }, "unit must be an amount"],
    ["an amount with 13 decimals", { model: "unit", unit: "0.0000000000001" }, "unit must be an amount"],
    [
      "a package of nothing",
      { model: "package", size: 0, price: "1" },
      "size must be a multiple of 0.001, at least 0.001",
    ],
    [
      "a quantity finer than 0.001",
      { model: "package", size: 0.0005, price: "1" },
      "size must be a multiple of 0.001",
    ],
    [
      "a negative free amount",
      { model: "package", size: 1, price: "1", free: -1 },
      "free must be a multiple of 0.001, at least 0",
    ],
  ])("with %s is rejected at its place", (_why, fields, fault) => {
    expect(faultsOf(fields).join("\n")).toContain(fault);
  });

  it("with 101 tiers is rejected", () => {
    const tiers = Array.from({ length: 101 }, (_, index) => ({
      upTo: index < 100 ? index + 1 : null,
      unit: "1",
    }));
    expect(faultsOf({ model: "graduated", tiers })).toEqual(["tiers must have 1 to 100 price tiers"]);
    expect(faultsOf({ model: "graduated", tiers: tiers.slice(1) })).toEqual([]);
  });
});
