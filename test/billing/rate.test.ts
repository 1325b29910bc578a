/** Rating, caps, tax, credits and credit notes: the cases at their edges. The rules: docs/billing.md. */
import { describe, expect, it } from "vitest";
import { hardStopMilli, largestUsageMilli } from "../../src/billing/cap.ts";
import {
  type Ceilings,
  ceilingsOf,
  keptCeilingMinor,
  largestSubtotalMinor,
  NO_CEILINGS,
  roomMinor,
} from "../../src/billing/ceiling.ts";
import { compilePrice, type PriceFields } from "../../src/billing/compile-price.ts";
import { type CreditNote, creditNote } from "../../src/billing/credit-note.ts";
import { applyCredits, balanceMinor, type Credit } from "../../src/billing/credit.ts";
import type { Line } from "../../src/billing/line.ts";
import { parseMoney } from "../../src/billing/money.ts";
import { periodFrom } from "../../src/billing/period.ts";
import type { Price } from "../../src/billing/price.ts";
import { type RatableSegment, ratePeriod } from "../../src/billing/rate.ts";
import { ratesFor, taxesOn, taxMinor } from "../../src/billing/tax.ts";
import { compileTerms, type OverageFields, type PlanFields, termsOf } from "../../src/billing/terms.ts";
import { totalsOf } from "../../src/billing/totals.ts";
import { DAY_MS } from "../../src/core/time.ts";
import { MAX_EXACT } from "../../src/core/units.ts";

const JANUARY = Date.UTC(2026, 0);
const PERIOD = periodFrom(JANUARY, 1);
const CENT: PriceFields = { model: "unit", unit: "0.01" };
const PAYG: OverageFields = { mode: "payg", price: CENT };
const DE = { country: "DE", name: "VAT", percent: "19" };

function segment(
  plan: PlanFields,
  overage: OverageFields | null,
  requests: number,
  days: readonly [number, number] = [0, 31],
): RatableSegment {
  const quota = overage && { name: "month", amount: 100, overage };
  return {
    startMs: JANUARY + days[0] * DAY_MS,
    endMs: JANUARY + days[1] * DAY_MS,
    tier: "pro",
    terms: compileTerms(termsOf(plan, quota)),
    usage: [{ route: "/a", unit: "requests", count: requests, costMilli: requests * 1000 }],
    grantedMilli: 0,
  };
}

function rated(segments: readonly RatableSegment[], ceilings: Ceilings = NO_CEILINGS): Line[] {
  return ratePeriod(segments, { fullMs: PERIOD.fullMs, exponent: 2, ceilings });
}

function kinds(lines: readonly Line[]): [string, bigint][] {
  return lines.map(({ kind, minor }) => [kind, minor]);
}

function priceOf(fields: PriceFields): Price {
  const compiled = compilePrice(fields);
  if (compiled.kind === "faults") throw new Error(JSON.stringify(compiled.faults));
  return compiled.price;
}

describe("a segment", () => {
  it("has no line for what is free: no base, no overage, no usage", () => {
    expect(rated([segment({}, null, 50)])).toEqual([]);
    expect(rated([segment({}, PAYG, 100)])).toEqual([]);
    expect(rated([segment({ prices: [{ route: "/b", of: "count", price: CENT }] }, null, 50)])).toEqual([]);
  });

  it("charges from the first thousandth beyond what is included, and rounds the line once", () => {
    const usage = [{ route: "/a", unit: "requests", count: 101, costMilli: 100_499 }];
    expect(kinds(rated([{ ...segment({}, PAYG, 0), usage }]))).toEqual([["overage", 0n]]);
    const more = [{ ...usage[0]!, costMilli: 100_500 }];
    expect(kinds(rated([{ ...segment({}, PAYG, 0), usage: more }]))).toEqual([["overage", 1n]]);
  });

  it("lists its base, its overage, its usage by route and its minimum, with what they are made of", () => {
    const plan: PlanFields = {
      base: "10",
      minimum: "50",
      prices: [{ route: "/a", of: "count", price: { model: "package", size: 100, price: "1" } }],
    };
    const lines = rated([segment(plan, PAYG, 250)]);
    expect(kinds(lines)).toEqual([
      ["base", 1_000n],
      ["overage", 150n],
      ["usage", 300n],
      ["minimum", 3_550n],
    ]);
    expect(
      lines.map(({ quantity, unitPrice, route, segment: index }) => [quantity, unitPrice, route, index]),
    ).toEqual([
      [null, "10", null, 0],
      ["150", "0.01", null, 0],
      ["250", null, "/a", 0],
      [null, "50", null, 0],
    ]);
    expect(lines[2]!.detail).toEqual([{ quantity: "3", unitPrice: "1", flat: "0", amount: "3" }]);
    expect(lines[1]!.detail).toEqual([{ quantity: "150", unitPrice: "0.01", flat: "0", amount: "1.5" }]);
  });

  it("has no minimum line if it comes to its share exactly, or to more", () => {
    expect(kinds(rated([segment({ base: "10", minimum: "10" }, null, 0)]))).toEqual([["base", 1_000n]]);
    expect(kinds(rated([segment({ base: "10.01", minimum: "10" }, null, 0)]))).toEqual([["base", 1_001n]]);
  });

  it("shows unit prices as configured, however small", () => {
    const price: PriceFields = { model: "unit", unit: "0.000000000001" };
    const [line] = rated([segment({}, { mode: "payg", price }, 1_000)]);
    expect([line!.unitPrice, line!.minor, line!.detail[0]!.amount]).toEqual([
      "0.000000000001",
      0n,
      "0.0000000009",
    ]);
  });

  it("shows no unit price where a flat amount or a second tier is part of the charge", () => {
    const flat: PriceFields = { model: "graduated", tiers: [{ upTo: null, unit: "1", flat: "2" }] };
    const tiers: PriceFields = {
      model: "graduated",
      tiers: [
        { upTo: 10, unit: "1" },
        { upTo: null, unit: "1" },
      ],
    };
    for (const price of [flat, tiers]) {
      const [line] = rated([segment({}, { mode: "payg", price }, 200)]);
      expect(line!.unitPrice).toBeNull();
    }
    const [within] = rated([segment({}, { mode: "payg", price: tiers }, 105)]);
    expect(within!.unitPrice).toBe("1");
  });

  it("names its time if it does not begin and end at midnight", () => {
    const odd = { ...segment({ base: "1" }, null, 0), endMs: JANUARY + 1 };
    expect(rated([odd])[0]!.description).toBe(
      "pro: base fee, 2026-01-01T00:00:00.000Z until 2026-01-01T00:00:00.001Z",
    );
  });
});

describe("a cap", () => {
  it("is spent by earlier segments, and then allows nothing more", () => {
    const segments = [segment({}, PAYG, 400, [0, 10]), segment({}, PAYG, 900, [10, 31])];
    const lines = rated(segments, { overageMinor: 500n, subtotalMinor: null });
    // 100 requests over 10 of 31 days include 32.259: 367.741 requests over, at a cent each.
    expect(kinds(lines)).toEqual([
      ["overage", 368n],
      ["overage", 132n],
    ]);
    expect(lines[1]!.description).toContain("cut from 8.32 to the cap");
  });

  it("below what was charged already leaves room for nothing, not for less than nothing", () => {
    const earlier = rated([segment({}, PAYG, 400)]);
    expect(roomMinor("payg", { overageMinor: 100n, subtotalMinor: null }, earlier)).toBe(0n);
    expect(roomMinor("payg", NO_CEILINGS, earlier)).toBeNull();
  });

  it("takes the lower of spend cap and budget, rounded down", () => {
    const caps = { spendCap: "200.019", budget: "200.015", balanceMinor: null };
    expect(ceilingsOf(caps, [], 2)).toEqual({ overageMinor: 20_001n, subtotalMinor: null });
    expect(ceilingsOf({ ...caps, budget: "0.001" }, [], 2).overageMinor).toBe(0n);
    expect(() => ceilingsOf({ ...caps, budget: "x" }, [], 2)).toThrow(RangeError);
  });

  it("that is lowered below what has accrued gives nothing back", () => {
    expect(keptCeilingMinor(100n, 150n)).toBe(150n);
    expect(keptCeilingMinor(200n, 150n)).toBe(200n);
    expect(keptCeilingMinor(null, 150n)).toBeNull();
  });

  it("does not bound the base fee or the minimum", () => {
    const lines = rated([segment({ base: "99", minimum: "120" }, PAYG, 5_000)], {
      overageMinor: 500n,
      subtotalMinor: null,
    });
    expect(kinds(lines)).toEqual([
      ["base", 9_900n],
      ["overage", 500n],
      ["minimum", 1_600n],
    ]);
  });

  it("becomes the last millitoken that it pays, up to 2^52", () => {
    expect(largestUsageMilli(priceOf(CENT), parseMoney("2")!)).toBe(200_000);
    expect(largestUsageMilli(priceOf(CENT), 0n)).toBe(0);
    expect(largestUsageMilli(priceOf(CENT), -1n)).toBe(0);
    expect(largestUsageMilli(priceOf({ model: "unit", unit: "0" }), 0n)).toBe(MAX_EXACT);
    expect(
      largestUsageMilli(priceOf({ model: "package", size: 10, price: "3", free: 5 }), parseMoney("6.5")!),
    ).toBe(25_000);
  });

  it("stops at the usage before the segment, what is included, and what the cap leaves", () => {
    const current = { ...segment({}, PAYG, 0, [10, 31]), usageAtStart: segment({}, null, 400).usage };
    const context = {
      fullMs: PERIOD.fullMs,
      exponent: 2,
      ceilings: { overageMinor: 500n, subtotalMinor: null },
    };
    const earlier = rated([segment({}, PAYG, 400, [0, 10])]);
    expect(hardStopMilli(current, earlier, context)).toBe(400_000 + 67_742 + 13_200 * 10);
    expect(hardStopMilli(current, earlier, { ...context, ceilings: NO_CEILINGS })).toBe(MAX_EXACT);
    const stop = { ...current, terms: segment({}, {}, 0).terms };
    expect(hardStopMilli(stop, earlier, context)).toBe(400_000 + 67_742);
    expect(hardStopMilli({ ...current, terms: segment({}, null, 0).terms }, earlier, context)).toBeNull();
  });

  it("of a prepaid balance leaves what its tax needs, and what earlier lines of any kind took", () => {
    expect(largestSubtotalMinor(10_000n, [DE])).toBe(8_403n);
    expect(8_403n + taxMinor(8_403n, "19")).toBe(10_000n);
    expect(largestSubtotalMinor(0n, [DE])).toBe(0n);
    expect(largestSubtotalMinor(-5n, [DE])).toBe(0n);
    expect(largestSubtotalMinor(10_000n, [])).toBe(10_000n);
    const earlier = rated([segment({ base: "60" }, null, 0)]);
    expect(roomMinor("prepaid", { overageMinor: null, subtotalMinor: 8_403n }, earlier)).toBe(2_403n);
  });
});

describe("tax", () => {
  it("applies the rates of the customer's country, and none to the exempt or to a country without rates", () => {
    const rates = [
      DE,
      { country: "FR", name: "TVA", percent: "20" },
      { country: "DE", name: "Soli", percent: "1" },
    ];
    expect(ratesFor(rates, { country: "DE", taxExempt: false }).map(({ name }) => name)).toEqual([
      "VAT",
      "Soli",
    ]);
    expect(ratesFor(rates, { country: "DE", taxExempt: true })).toEqual([]);
    expect(ratesFor(rates, { country: "US", taxExempt: false })).toEqual([]);
    expect(ratesFor(rates, { country: null, taxExempt: false })).toEqual([]);
  });

  it("is rounded once per rate, half away from zero", () => {
    expect(taxesOn(10_000n, [{ ...DE, percent: "9.975" }])[0]!.minor).toBe(998n);
    expect(taxMinor(50n, "1")).toBe(1n);
    expect(taxMinor(-50n, "1")).toBe(-1n);
    expect(() => taxMinor(1n, "101")).toThrow(RangeError);
  });
});

describe("credits", () => {
  const credit = (id: string, left: bigint, more: Partial<Credit> = {}): Credit => ({
    id,
    leftMinor: left,
    effectiveMs: JANUARY,
    expiresMs: null,
    ...more,
  });

  it("pay after tax, at most the total, the first to expire first", () => {
    const credits = [credit("b", 500n), credit("a", 500n), credit("soon", 30n, { expiresMs: PERIOD.endMs })];
    const totals = totalsOf([{ minor: 400n }], [DE], credits, PERIOD);
    expect(totals).toEqual({
      kind: "totals",
      subtotalMinor: 400n,
      taxes: [{ name: "VAT", percent: "19", minor: 76n }],
      totalMinor: 476n,
      credits: [
        { id: "soon", minor: 30n },
        { id: "a", minor: 446n },
      ],
      dueMinor: 0n,
    });
  });

  it("expire at the end of the period that contains their expiry, and count from when they are effective", () => {
    const credits = [
      credit("expires within", 1n, { expiresMs: JANUARY + 1 }),
      credit("expired before", 2n, { expiresMs: JANUARY - 1 }),
      credit("effective within", 4n, { effectiveMs: PERIOD.endMs - 1 }),
      credit("effective later", 8n, { effectiveMs: PERIOD.endMs }),
      credit("used up", 0n),
    ];
    expect(balanceMinor(credits, PERIOD)).toBe(5n);
    expect(applyCredits(credits, 100n, PERIOD).map(({ id }) => id)).toEqual([
      "expires within",
      "effective within",
    ]);
  });

  it("pay nothing of nothing", () => {
    expect(applyCredits([credit("a", 5n)], 0n, PERIOD)).toEqual([]);
  });

  it("do not make up for a negative sum: it is reported", () => {
    expect(totalsOf([{ minor: 100n }, { minor: -101n }], [DE], [], PERIOD)).toEqual({
      kind: "negative",
      subtotalMinor: -1n,
    });
  });
});

describe("a credit note", () => {
  const taxes = taxesOn(1_000n, [DE]);
  const invoice = { lines: [{ minor: 700n }, { minor: 500n }, { minor: -200n }], taxes };

  function note(earlier: readonly CreditNote[], ...request: readonly [line: number, minor: bigint][]) {
    return creditNote(
      invoice,
      earlier,
      request.map(([line, minor]) => ({ line, minor })),
    );
  }

  function made(result: ReturnType<typeof note>): CreditNote {
    if (result.kind !== "note") throw new Error(result.kind);
    return result;
  }

  it("takes back at most what is left of a line, and of the invoice after its adjustments", () => {
    expect(note([], [0, 701n])).toEqual({ kind: "exceeds-uncredited", line: 0, uncreditedMinor: 700n });
    const first = made(note([], [0, 700n]));
    expect(note([first], [0, 1n])).toEqual({ kind: "exceeds-uncredited", line: 0, uncreditedMinor: 0n });
    expect(note([first], [1, 301n])).toEqual({ kind: "exceeds-uncredited", line: 1, uncreditedMinor: 300n });
    expect(note([], [1, 300n], [1, 201n])).toEqual({
      kind: "exceeds-uncredited",
      line: 1,
      uncreditedMinor: 200n,
    });
    expect(made(note([first], [1, 300n])).totalMinor + first.totalMinor).toBe(1_190n);
  });

  it("takes nothing from a line that does not exist or is negative, and no amount that is not above 0", () => {
    expect(note([], [9, 1n])).toEqual({ kind: "exceeds-uncredited", line: 9, uncreditedMinor: 0n });
    expect(note([], [2, 1n])).toEqual({ kind: "exceeds-uncredited", line: 2, uncreditedMinor: 0n });
    expect(() => note([], [0, 0n])).toThrow(RangeError);
    expect(() => note([], [0, -1n])).toThrow(RangeError);
  });

  it("never takes back more tax than is left, however often rounding favoured the customer", () => {
    const cents = { lines: [{ minor: 10n }], taxes: taxesOn(10n, [{ ...DE, percent: "50" }]) };
    const notes: CreditNote[] = [];
    for (let index = 0; index < 10; index++) {
      const result = creditNote(cents, notes, [{ line: 0, minor: 1n }]);
      if (result.kind === "note") notes.push(result);
    }
    // Half a cent of tax each, rounded up to a cent, until the five cents are gone.
    expect(notes.map((each) => each.taxes[0]!.minor)).toEqual([1n, 1n, 1n, 1n, 1n, 0n, 0n, 0n, 0n, 0n]);
  });
});
