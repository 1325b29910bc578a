/** The units: which decimals are whole millitokens, and exact integer operations near the limits of doubles. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ceilDiv, gcd, MAX_EXACT, toMilli, toTokens } from "../../src/core/units.ts";

describe("tokens as millitokens", () => {
  it.each([
    [0, 0],
    [0.001, 1],
    [0.29, 290],
    [0.3, 300],
    [1, 1_000],
    [1.005, 1_005],
    [4.35, 4_350],
    [8.2, 8_200],
    [150, 150_000],
    [1_000_000.001, 1_000_000_001],
    [2 ** 50 / 1000, 2 ** 50],
  ])("takes %d tokens for %d millitokens", (tokens, milli) => {
    expect(toMilli(tokens)).toBe(milli);
  });

  it.each([
    [0.1 + 0.2, 300],
    [0.7 + 0.1, 800],
    [1.1 + 2.2, 3_300],
    [1.15 * 3, 3_450],
    [Array.from({ length: 1000 }, () => 0.001).reduce((sum, each) => sum + each, 0), 1_000],
  ])("takes the rounding error of a sum for what was meant (%d)", (tokens, milli) => {
    expect(toMilli(tokens)).toBe(milli);
  });

  it.each([
    ["finer than 0.001", 0.0001],
    ["finer than 0.001", 0.0015],
    ["finer than 0.001", 1.00001],
    ["finer than 0.001", 99_999.9999],
    ["so small that it would be free", 1e-10],
    ["negative", -1e-10],
    ["negative", -1],
    ["negative", -0.001],
    ["negative", -Infinity],
    ["not a number", NaN],
    ["not finite", Infinity],
    ["too large", 1e15],
    ["too large", Number.MAX_SAFE_INTEGER],
    ["too large", (MAX_EXACT + 1000) / 1000],
  ])("rejects an amount that is %s (%d)", (_why, tokens) => {
    expect(toMilli(tokens)).toBeNull();
  });

  it("converts every millitoken count up to a trillion tokens back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 15 }), (milli) => toMilli(toTokens(milli)) === milli),
      { numRuns: 2_000 },
    );
  });

  it("rejects every tenth of a millitoken up to a billion tokens", () => {
    const tenths = fc.tuple(fc.integer({ min: 0, max: 10 ** 12 }), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(tenths, ([milli, tenth]) => toMilli((milli + tenth / 10) / 1000) === null),
      { numRuns: 2_000 },
    );
  });
});

describe("ceiling division", () => {
  const LARGEST = 2 ** 53;
  const dividend = fc.oneof(
    fc.integer({ min: 0, max: 1_000 }),
    fc.maxSafeNat(),
    fc.integer({ min: 0, max: 1_000 }).map((below) => LARGEST - below),
  );
  const divisor = fc.oneof(
    fc.integer({ min: 1, max: 1_000 }),
    fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    fc.integer({ min: 0, max: 1_000 }).map((below) => LARGEST - below),
  );

  it("is exact up to 2^53", () => {
    fc.assert(
      fc.property(dividend, divisor, (a, b) => {
        const exact = (BigInt(a) + BigInt(b) - 1n) / BigInt(b);
        return BigInt(ceilDiv(a, b)) === exact;
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("greatest common divisor", () => {
  it("divides both and leaves no common divisor", () => {
    const positive = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(positive, positive, (a, b) => {
        const divisor = gcd(a, b);
        return a % divisor === 0 && b % divisor === 0 && gcd(a / divisor, b / divisor) === 1;
      }),
    );
  });
});
