/** Money: which strings are amounts, exact conversion both ways, and rounding. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exponentOf } from "../../src/billing/currency.ts";
import {
  divideRounded,
  floorToMinor,
  formatMinor,
  formatMoney,
  minorToFemto,
  parseMoney,
  parsePrice,
  roundToMinor,
} from "../../src/billing/money.ts";

describe("an amount", () => {
  it.each([
    ["0", 0n],
    ["1", 10n ** 15n],
    ["0.0005", 5n * 10n ** 11n],
    ["0.000000000001", 1_000n],
    ["999999999999.999999999999", (10n ** 24n - 1n) * 1_000n],
    ["-12.50", -125n * 10n ** 14n],
  ])("reads %s", (text, femto) => {
    expect(parseMoney(text)).toBe(femto);
  });

  it.each([
    "",
    " 1",
    "1 ",
    "+1",
    "1.",
    ".5",
    "1,5",
    "1e3",
    "0x1",
    "01",
    "00",
    "NaN",
    "Infinity",
    "--1",
    "1.2.3",
    "1_000",
    "١",
    "1000000000000",
    "0.0000000000001",
  ])("rejects %j", (text) => {
    expect(parseMoney(text)).toBeNull();
  });

  it("may not be negative as a price", () => {
    expect(parsePrice("-0.01")).toBeNull();
    expect(parsePrice("0.01")).toBe(10n ** 13n);
  });

  it("is written and read back unchanged", () => {
    const most = 10n ** 24n - 1n;
    fc.assert(
      fc.property(fc.bigInt({ min: -most, max: most }), (pico) => {
        expect(parseMoney(formatMoney(pico * 1_000n))).toBe(pico * 1_000n);
      }),
    );
  });
});

describe("rounding to the minor unit", () => {
  it.each([
    ["0.005", 2, 1n],
    ["0.004999999999", 2, 0n],
    ["-0.005", 2, -1n],
    ["-0.004999999999", 2, 0n],
    ["0.5", 0, 1n],
    ["-0.5", 0, -1n],
    ["2.5", 0, 3n],
    ["1.0005", 3, 1_001n],
  ])("takes %s with %i decimals to %s", (text, exponent, minor) => {
    expect(roundToMinor(parseMoney(text)!, exponent)).toBe(minor);
  });

  it("is by half a unit at most, and away from zero at exactly half, for any quotient", () => {
    const positive = fc.bigInt({ min: 1n, max: 10n ** 30n });
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), positive, (n, d) => {
        const off = 2n * (divideRounded(n, d) * d - n);
        const size = off < 0n ? -off : off;
        expect(size <= d).toBe(true);
        if (size === d) expect(off > 0n).toBe(n > 0n);
      }),
    );
  });

  it("rounds a cap down, also below zero", () => {
    expect(floorToMinor(parseMoney("0.019999999999")!, 2)).toBe(1n);
    expect(floorToMinor(parseMoney("-0.001")!, 2)).toBe(-1n);
    expect(floorToMinor(parseMoney("200")!, 2)).toBe(20_000n);
    expect(floorToMinor(minorToFemto(-7n, 0), 0)).toBe(-7n);
  });

  it.each([
    [33_499n, 2, "334.99"],
    [-5n, 2, "-0.05"],
    [0n, 2, "0.00"],
    [1_935n, 0, "1935"],
    [1_235n, 3, "1.235"],
  ])("writes %s with %i decimals as %s", (minor, exponent, text) => {
    expect(formatMinor(minor, exponent)).toBe(text);
  });
});

describe("a currency", () => {
  it.each([
    ["USD", 2],
    ["EUR", 2],
    ["JPY", 0],
    ["KRW", 0],
    ["BHD", 3],
    ["IQD", 3],
    ["CLF", 4],
    ["XCG", 2],
  ])("%s has %i decimals", (code, exponent) => {
    expect(exponentOf(code)).toBe(exponent);
  });

  it.each(["usd", "US", "USDT", "XAU", "XXX", "HRK", "", "constructor", "USD "])("%j is none", (code) => {
    expect(exponentOf(code)).toBeNull();
  });

  it("has the decimals of Intl, except where Intl follows customs and leaves out those of ISO 4217", () => {
    const compared = Intl.supportedValuesOf("currency").flatMap((currency) => {
      const format = new Intl.NumberFormat("en", { style: "currency", currency });
      const customary = format.resolvedOptions().maximumFractionDigits;
      const exponent = exponentOf(currency);
      return exponent === null || customary === 0 ? [] : [{ currency, exponent, customary }];
    });
    expect(compared.length).toBeGreaterThan(100);
    expect(compared.filter(({ exponent, customary }) => exponent !== customary)).toEqual([]);
  });
});
