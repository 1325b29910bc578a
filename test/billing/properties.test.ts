/**
 * Rating against the slow exact model, over random policies and histories: 10,000 in total, the same each time.
 *
 * `npm run test:billing:long` runs others and more. `BILLING_RUNS` is their number, `BILLING_SEED` their seed, which a failure prints.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { largestUsageMilli } from "../../src/billing/cap.ts";
import { overageOf, roomMinor } from "../../src/billing/ceiling.ts";
import { compilePrice, type PriceFields } from "../../src/billing/compile-price.ts";
import { type CreditNote, creditNote } from "../../src/billing/credit-note.ts";
import { exponentOf } from "../../src/billing/currency.ts";
import { minorToFemto, sumOf } from "../../src/billing/money.ts";
import { overageFaults, planFaults } from "../../src/billing/plan-faults.ts";
import { costFemto, isMonotonic, type Price } from "../../src/billing/price.ts";
import { taxFaults, taxesOn } from "../../src/billing/tax.ts";
import { quantityMilli } from "../../src/billing/usage.ts";
import { MAX_EXACT } from "../../src/core/units.ts";
import { type Fraction, fraction } from "../core/fraction.ts";
import { history, monotonicPrice, price, usageNear } from "./arbitraries.ts";
import { modelBill, modelCost } from "./exact-model.ts";
import { type Bill, billOf, type History } from "./history.ts";

const RUNS = Number(process.env["BILLING_RUNS"] ?? 10_000);
const SEED = Number(process.env["BILLING_SEED"] ?? 20_261_130);

/** The share of the runs that a property gets. */
function runs(share: number): { numRuns: number; seed: number } {
  return { numRuns: Math.ceil(RUNS * share), seed: SEED };
}

function compiled(fields: PriceFields): Price {
  const result = compilePrice(fields);
  if (result.kind === "faults") throw new Error(JSON.stringify(result.faults));
  return result.price;
}

/** An amount of the code under test, for the model. */
function exactly(femto: bigint): Fraction {
  return fraction(femto, 10n ** 15n);
}

describe("a price", () => {
  const priced = price.chain((fields) => fc.tuple(fc.constant(fields), usageNear(fields)));

  it("equals the exact model at any usage, at its steps and beside them", () => {
    fc.assert(
      fc.property(priced, ([fields, milli]) => {
        expect(exactly(costFemto(compiled(fields), milli))).toEqual(modelCost(fields, milli));
      }),
      runs(0.3),
    );
  });

  it("is called monotonic exactly if no millitoken more costs less", () => {
    const small = fc.integer({ min: 1, max: 12 }).map((milli) => milli / 1000);
    const volume = fc
      .tuple(fc.uniqueArray(small, { maxLength: 3 }), fc.array(fc.nat(9), { minLength: 8, maxLength: 8 }))
      .map(([steps, amounts]): PriceFields => ({
        model: "volume",
        tiers: [...steps.toSorted((a, b) => a - b), null].map((upTo, index) => ({
          upTo,
          unit: `${amounts[index]}`,
          flat: `0.00${amounts[index + 4]}`,
        })),
      }));
    fc.assert(
      fc.property(volume, (fields) => {
        const own = compiled(fields);
        const costs = Array.from({ length: 16 }, (_, milli) => costFemto(own, milli));
        const neverFalls = costs.every((cost, milli) => milli === 0 || cost >= costs[milli - 1]!);
        expect(isMonotonic(own)).toBe(neverFalls);
      }),
      runs(0.1),
    );
  });
});

describe("a cap", () => {
  it("is the last millitoken that it pays: one more would cost too much", () => {
    const capped = monotonicPrice.chain((fields) =>
      fc.tuple(fc.constant(fields), usageNear(fields), fc.integer({ min: -1, max: 1 })),
    );
    fc.assert(
      fc.property(capped, ([fields, milli, off]) => {
        const own = compiled(fields);
        const room = costFemto(own, milli) + BigInt(off);
        const most = largestUsageMilli(own, room);
        expect(most === 0 || costFemto(own, most) <= room).toBe(true);
        expect(most === MAX_EXACT || costFemto(own, most + 1) > room).toBe(true);
      }),
      runs(0.2),
    );
  });
});

describe("a history of one period", () => {
  it("is rated like the exact model, to the last minor unit", () => {
    fc.assert(fc.property(history, checkAgainstModel), runs(0.2));
  });

  it("has segments that cover the period, and whose usage adds up to the ledger", () => {
    fc.assert(
      fc.property(history, (own) => {
        const { period, segments, ledger } = billOf(own);
        expect(segments[0]!.startMs).toBe(period.startMs);
        expect(segments.at(-1)!.endMs).toBe(period.endMs);
        segments.slice(1).forEach(({ startMs }, index) => expect(startMs).toBe(segments[index]!.endMs));
        for (const of of ["requests", "tokens", "count"]) {
          const sum = segments.reduce((total, { usage }) => total + quantityMilli(usage, null, of), 0);
          expect(sum).toBe(quantityMilli(ledger, null, of));
        }
      }),
      runs(0.02),
    );
  });

  it("is rated again to the same bytes, also from its stored JSON", () => {
    fc.assert(
      fc.property(history, (own) => {
        const stored: History = JSON.parse(JSON.stringify(own));
        expect(bytes(billOf(stored))).toBe(bytes(billOf(own)));
      }),
      runs(0.03),
    );
  });

  it("that uses all it may ends within its caps, uncut, and not a millitoken below them", () => {
    let stopped = 0;
    const { numRuns, seed } = runs(0.1);
    const property = fc.property(history, (own) => {
      if (checkHardStop(own)) stopped++;
    });
    fc.assert(property, { numRuns, seed });
    expect(stopped).toBeGreaterThan(numRuns / 20);
  });
});

describe("credit notes", () => {
  const invoice = fc.tuple(
    fc.array(fc.bigInt({ min: 1n, max: 100_000n }), { minLength: 1, maxLength: 6 }),
    fc.array(fc.constantFrom("19", "20", "5", "9.975", "0.5"), { maxLength: 2 }),
    fc.array(fc.tuple(fc.nat(7), fc.bigInt({ min: 1n, max: 60_000n })), { maxLength: 8 }),
  );

  it("of all lines, in any parts and order, add up to the invoice and never exceed it", () => {
    fc.assert(
      fc.property(invoice, ([amounts, percents, requests]) => {
        const lines = amounts.map((minor) => ({ minor }));
        const rates = percents.map((percent, index) => ({ country: "DE", name: `T${index}`, percent }));
        const taxes = taxesOn(sumOf(lines), rates);
        const left = [...amounts];
        const notes: CreditNote[] = [];
        const take = (line: number, minor: bigint): void => {
          const result = creditNote({ lines, taxes }, notes, [{ line, minor }]);
          if (minor > (left[line] ?? 0n)) {
            expect(result).toEqual({ kind: "exceeds-uncredited", line, uncreditedMinor: left[line] ?? 0n });
            return;
          }
          if (result.kind !== "note") throw new Error("a note that fits was rejected");
          notes.push(result);
          left[line]! -= minor;
          expect(result.taxes.every((tax) => tax.minor >= 0n)).toBe(true);
        };
        for (const [line, minor] of requests) take(line, minor);
        left.forEach((minor, line) => {
          if (minor > 0n) take(line, minor);
        });
        const credited = notes.reduce((sum, { totalMinor }) => sum + totalMinor, 0n);
        expect(credited).toBe(sumOf(lines) + sumOf(taxes));
        taxes.forEach(({ minor }, index) => {
          expect(notes.reduce((sum, note) => sum + note.taxes[index]!.minor, 0n)).toBe(minor);
        });
      }),
      runs(0.05),
    );
  });
});

function checkAgainstModel(own: History): void {
  for (const { plan, quota } of own.tiers) {
    expect(planFaults(plan)).toEqual([]);
    expect(overageFaults(quota?.overage ?? {}, plan)).toEqual([]);
  }
  expect(taxFaults(own.taxes)).toEqual([]);
  const { lines, totals } = billOf(own);
  const model = modelBill(own, exponentOf(own.currency)!);
  expect(lines.map(({ kind, segment, minor }) => [kind, segment, minor])).toEqual(model.lines);
  if (totals.kind === "negative") throw new Error("rating makes no negative line");
  expect(totals.subtotalMinor).toBe(model.subtotal);
  expect(totals.taxes.map(({ minor }) => minor)).toEqual(model.taxes);
  expect(totals.totalMinor).toBe(model.total);
  expect(totals.credits.map(({ id, minor }) => [id, minor])).toEqual(model.credits);
  expect(totals.dueMinor).toBe(model.due);
  expect(totals.dueMinor).toBeGreaterThanOrEqual(0n);
}

/** Uses what the current segment has left, then one millitoken more. @returns whether a cap in money stops the history. */
function checkHardStop(own: History): boolean {
  const before = billOf(own);
  const index = before.segments.length - 1;
  const { quota } = before.segments[index]!.terms;
  const stop = before.hardStopMilli;
  if (quota === null || quota.price === null || stop === null) return false;
  const used = quantityMilli(before.ledger, null, quota.unit);
  if (stop === MAX_EXACT || stop < used) return false;
  const isOf = ({ segment, kind }: Bill["lines"][number]) => segment === index && kind === "overage";
  const withMore = (milli: number): Bill =>
    billOf({
      ...own,
      events: [
        ...own.events,
        { kind: "use", route: "/identify", unit: quota.unit, count: 0, costMilli: milli },
      ],
    });
  const full = withMore(stop - used);
  expect(full.lines.filter(isOf).some(({ description }) => description.includes("cut from"))).toBe(false);
  expect(full.hardStopMilli).toBe(stop);
  const earlier = full.lines.filter(({ segment }) => segment !== index);
  const cap = full.overageCeilingMinor;
  if (cap !== null && overageOf(earlier) <= cap) expect(overageOf(full.lines)).toBeLessThanOrEqual(cap);
  const exponent = exponentOf(own.currency)!;
  const ceilings = { overageMinor: cap, subtotalMinor: null };
  const room = roomMinor("payg", ceilings, earlier);
  // Usage beyond a cap, which nobody has paid for, stops the quota before the cap does.
  const isUnpaid = earlier.some(({ description }) => description.includes("cut from"));
  if (quota.mode === "prepaid" || room === null || isUnpaid) return true;
  const line = withMore(stop - used + 1).lines.find(isOf);
  const exactCost = line?.detail.reduce((sum, { amount }) => sum + femtoOf(amount), 0n);
  expect(exactCost).toBeGreaterThan(minorToFemto(room, exponent));
  return true;
}

function femtoOf(amount: string): bigint {
  const [whole = "0", decimals = ""] = amount.split(".");
  return BigInt(whole + decimals.padEnd(15, "0"));
}

function bytes({ lines, totals }: Bill): string {
  return JSON.stringify([lines, totals], (_key, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
}
