/**
 * Faults of other billing systems that concern rating, each as a guarantee of this one. Faults of metering, numbering, webhooks and
 * documents have their tests where those are built.
 */
import { describe, expect, it } from "vitest";
import { largestUsageMilli } from "../../src/billing/cap.ts";
import { compilePrice } from "../../src/billing/compile-price.ts";
import { type CreditNote, creditNote } from "../../src/billing/credit-note.ts";
import { formatMinor, parseMoney, sumOf } from "../../src/billing/money.ts";
import { periodFrom } from "../../src/billing/period.ts";
import { costFemto } from "../../src/billing/price.ts";
import { taxesOn } from "../../src/billing/tax.ts";
import type { OverageQuota, PlanFields } from "../../src/billing/terms.ts";
import { DAY_MS } from "../../src/core/time.ts";
import { billOf, type History, type HistoryEvent } from "./history.ts";

const BASIS: Omit<History, "tiers" | "events"> = {
  currency: "USD",
  anchorDay: 1,
  startMs: Date.UTC(2026, 0),
  grants: [],
  spendCap: null,
  budget: null,
  isPrepaid: false,
  taxes: [],
  customer: { country: null, taxExempt: false },
  credits: [],
};

function tier(name: string, base: string, quota: OverageQuota | null = null, plan: PlanFields = {}) {
  return { name, plan: { ...plan, base }, quota };
}

function use(requests: number): HistoryEvent {
  return { kind: "use", route: "/a", unit: "requests", count: requests, costMilli: requests * 1000 };
}

function change(toTier: number, day: number): HistoryEvent {
  return { kind: "change", atMs: BASIS.startMs + day * DAY_MS, tier: toTier };
}

function amounts(history: History, exponent = 2): string[] {
  return billOf(history).lines.map(({ minor }) => formatMinor(minor, exponent));
}

function days(fromMs: number, anchorDay: number, count: number): string[] {
  const starts: string[] = [];
  let atMs = fromMs;
  for (let index = 0; index < count; index++) {
    starts.push(new Date(atMs).toISOString().slice(5, 10));
    atMs = periodFrom(atMs, anchorDay).endMs;
  }
  return starts;
}

describe("the 31st", () => {
  // polarsource/polar#10664: Jan 31, Feb 28, Mar 28, Apr 28 …; also openmeterio/openmeter#3229.
  it("comes back after a shorter month: an anchor day never drifts", () => {
    expect(days(Date.UTC(2026, 0, 31), 31, 13)).toEqual([
      "01-31",
      "02-28",
      "03-31",
      "04-30",
      "05-31",
      "06-30",
      "07-31",
      "08-31",
      "09-30",
      "10-31",
      "11-30",
      "12-31",
      "01-31",
    ]);
    expect(days(Date.UTC(2028, 0, 30), 30, 4)).toEqual(["01-30", "02-29", "03-30", "04-30"]);
  });

  // getlago/lago-api#1567: wrong boundaries in months of fewer than 31 days; flexprice/flexprice#2733.
  it("gives periods that neither overlap nor leave a day out, in any month", () => {
    let billedDays = 0;
    let atMs = Date.UTC(2023, 0, 31);
    while (atMs < Date.UTC(2031, 0, 31)) {
      const { startMs, endMs, fullMs } = periodFrom(atMs, 31);
      expect([startMs, endMs - startMs]).toEqual([atMs, fullMs]);
      billedDays += (endMs - startMs) / DAY_MS;
      atMs = endMs;
    }
    expect([atMs, billedDays]).toEqual([Date.UTC(2031, 0, 31), 8 * 365 + 2]);
  });
});

describe("money", () => {
  // getlago/lago-api#643: 10,000 yen prorated came to 193,548 yen, 100 times too much.
  it("in yen has no hundredths: 6 of 31 days of 10,000 yen are 1,935 yen", () => {
    const startMs = Date.UTC(2026, 0, 26);
    const yen: History = { ...BASIS, currency: "JPY", startMs, tiers: [tier("pro", "10000")], events: [] };
    expect(amounts(yen, 0)).toEqual(["1935"]);
  });

  // dust-tt/dust#28493: an amount of "19.6451612903".
  it("is never a fraction of a cent: 21 of 31 days of 29 are 19.65, not 19.6451612903", () => {
    const startMs = Date.UTC(2026, 0, 11);
    expect(amounts({ ...BASIS, startMs, tiers: [tier("pro", "29")], events: [] })).toEqual(["19.65"]);
  });

  // getlago/lago-api#4273: rounded credits took more than the invoice's total, which became negative.
  it("that is due is never negative, whatever is left of credits after rounding", () => {
    const credits = ["1", "2", "3000"].map((leftMinor, index) => ({
      id: `c${index}`,
      leftMinor,
      effectiveMs: BASIS.startMs,
      expiresMs: null,
    }));
    const startMs = Date.UTC(2026, 0, 11);
    const taxes = [{ country: "DE", name: "VAT", percent: "19" }];
    const customer = { country: "DE", taxExempt: false };
    const history: History = {
      ...BASIS,
      startMs,
      tiers: [tier("pro", "29")],
      events: [],
      credits,
      taxes,
      customer,
    };
    const { totals } = billOf(history);
    if (totals.kind === "negative") throw new Error("negative");
    expect([totals.totalMinor, sumOf(totals.credits), totals.dueMinor]).toEqual([2_338n, 2_338n, 0n]);
    const short = billOf({ ...history, credits: credits.slice(0, 2) }).totals;
    expect(short).toMatchObject({ dueMinor: 2_335n });
  });
});

describe("proration", () => {
  // getlago/lago-api#6194: the denominator began where the segment began, so its days cost more than the period's.
  it("divides by the whole month, not by what is left of it", () => {
    const upgrade: History = {
      ...BASIS,
      startMs: Date.UTC(2026, 3),
      tiers: [tier("free", "0"), tier("pro", "300")],
      events: [{ kind: "change", atMs: Date.UTC(2026, 3, 21), tier: 1 }],
    };
    expect(amounts(upgrade)).toEqual(["100.00"]); // 10 of 30 days; divided by the rest of the month it would be 300.
  });

  // antiwork/gumroad#6077: the second upgrade was credited from the first one's partial charge; also getlago/lago-api#1778.
  it("of a second upgrade does not depend on the first: each tier is paid for its own days", () => {
    const tiers = [tier("basic", "31"), tier("pro", "62"), tier("max", "310")];
    const twice: History = { ...BASIS, tiers, events: [change(1, 10), change(2, 21)] };
    expect(amounts(twice)).toEqual(["10.00", "22.00", "100.00"]);
    const backAndForth: History = { ...BASIS, tiers, events: [change(2, 10), change(0, 10), change(2, 21)] };
    expect(amounts(backAndForth)).toEqual(["10.00", "11.00", "100.00"]);
  });

  // polarsource/polar#9037: an update of the subscription reset the meter, and the included amount with it.
  it("resets no usage: after any number of changes, the segments' usage is the ledger's", () => {
    const quota: OverageQuota = {
      name: "month",
      amount: 310,
      overage: { mode: "payg", price: { model: "unit", unit: "1" } },
    };
    const tiers = [tier("a", "0", quota), tier("b", "0", quota)];
    const events = [use(150), change(1, 10), use(90), change(0, 20), use(120)];
    const bill = billOf({ ...BASIS, tiers, events });
    expect(bill.segments.map(({ usage }) => usage[0]!.costMilli)).toEqual([150_000, 90_000, 120_000]);
    // 100, 100 and 110 are included: 50 over, 10 below, 10 over.
    expect(bill.lines.map(({ minor }) => minor)).toEqual([5_000n, 1_000n]);
  });
});

describe("a credit note", () => {
  // getlago/lago-api#2643: notes for each line came to 335.00, of an invoice of 334.99.
  it("for each line of 68.33, 68.33, 57.50 and 85.00 with 20 % tax adds up to exactly 334.99, in any order", () => {
    const minors = [6_833n, 6_833n, 5_750n, 8_500n];
    const lines = minors.map((minor) => ({ minor }));
    const taxes = taxesOn(sumOf(lines), [{ country: "FR", name: "TVA", percent: "20" }]);
    expect(sumOf(lines) + sumOf(taxes)).toBe(33_499n);
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [0, 2, 3, 1],
      [2, 0, 1, 3],
    ]) {
      const notes: CreditNote[] = [];
      for (const line of order) {
        const result = creditNote({ lines, taxes }, notes, [{ line, minor: minors[line]! }]);
        if (result.kind !== "note") throw new Error("rejected");
        notes.push(result);
      }
      expect(notes.reduce((sum, { totalMinor }) => sum + totalMinor, 0n)).toBe(33_499n);
    }
  });

  // useautumn/autumn#3407: credit notes off by a cent.
  it("for a third of a line at a time takes back all of it, to the cent", () => {
    const lines = [{ minor: 100n }];
    const taxes = taxesOn(100n, [{ country: "DE", name: "VAT", percent: "19" }]);
    const notes: CreditNote[] = [];
    for (const minor of [33n, 33n, 34n]) {
      const result = creditNote({ lines, taxes }, notes, [{ line: 0, minor }]);
      if (result.kind !== "note") throw new Error("rejected");
      notes.push(result);
    }
    expect(notes.map(({ totalMinor }) => totalMinor)).toEqual([39n, 39n, 41n]);
    expect(notes.reduce((sum, { totalMinor }) => sum + totalMinor, 0n)).toBe(119n);
  });
});

describe("a spend cap", () => {
  // anthropics/claude-code#59858: 12.52 was charged with a limit of 5.
  it("is hard: the usage it stops at costs at most the cap, and a thousandth of a token more costs more", () => {
    const compiled = compilePrice({
      model: "graduated",
      tiers: [
        { upTo: 100_000, unit: "0.0005" },
        { upTo: null, unit: "0.0003" },
      ],
    });
    if (compiled.kind === "faults") throw new Error("a wrong price");
    for (const cap of ["200", "0.01", "49.99", "50", "50.01", "33.33"]) {
      const capFemto = parseMoney(cap)!;
      const most = largestUsageMilli(compiled.price, capFemto);
      expect(costFemto(compiled.price, most) <= capFemto).toBe(true);
      expect(costFemto(compiled.price, most + 1) > capFemto).toBe(true);
    }
  });
});
