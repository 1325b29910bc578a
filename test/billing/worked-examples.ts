/**
 * The worked examples of docs/billing.md, computed by the product.
 *
 * An example is a fenced block `json <kind>` with the input, followed by a block `text` with the result. Tables of the document are read
 * row by row.
 */
import { type CreditNote, creditNote } from "../../src/billing/credit-note.ts";
import { exponentOf } from "../../src/billing/currency.ts";
import { formatQuantity, formatSpan } from "../../src/billing/line.ts";
import { formatMinor, minorToFemto, parseMoney, roundToMinor, sumOf } from "../../src/billing/money.ts";
import { type Period, periodFrom } from "../../src/billing/period.ts";
import { type TaxRate, taxesOn } from "../../src/billing/tax.ts";
import type { OverageQuota, PlanFields } from "../../src/billing/terms.ts";
import { DAY_MS } from "../../src/core/time.ts";
import { type Bill, billOf, type History, type HistoryEvent } from "./history.ts";

export interface Example {
  readonly kind: string;
  readonly input: string;
  readonly result: string;
}

/** The examples of a document, in its order. */
export function examplesOf(markdown: string): Example[] {
  return [...markdown.matchAll(/^```json (\S+)\n(.*?)^```\n+```text\n(.*?)\n```$/gms)].map(
    ([, kind = "", input = "", result = ""]) => ({ kind, input, result }),
  );
}

/** The cells of the rows of the first table under a heading, without its header. */
export function tableUnder(markdown: string, heading: string): string[][] {
  const [, after = ""] = markdown.split(`\n${heading}\n`);
  const [section = ""] = after.split("\n## ");
  return section
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** The result of an example. */
export function computed({ kind, input }: Pick<Example, "kind" | "input">): string {
  switch (kind) {
    case "periods":
      return periods(JSON.parse(input));
    case "bill":
      return billText(JSON.parse(input));
    case "credit-notes":
      return notes(JSON.parse(input));
    default:
      throw new Error(`an example of an unknown kind: ${kind}`);
  }
}

/** An exact amount as a currency charges it. */
export function charged(amount: string, currency: string): string {
  const exponent = exponent4217(currency);
  return formatMinor(roundToMinor(money(amount), exponent), exponent);
}

function periods({ from, anchorDay, count }: { from: string; anchorDay: number; count: number }): string {
  const found: Period[] = [];
  let startMs = Date.parse(from);
  for (let index = 0; index < count; index++) {
    const period = periodFrom(startMs, anchorDay);
    found.push(period);
    startMs = period.endMs;
  }
  return found
    .map((period) => {
      const days = (period.endMs - period.startMs) / DAY_MS;
      return `${formatSpan(period)}: ${days} of ${period.fullMs / DAY_MS} days`;
    })
    .join("\n");
}

type EventInput =
  | { readonly use: number; readonly route?: string; readonly unit?: string; readonly count?: number }
  | { readonly at: string; readonly tier: string };

interface BillInput {
  readonly currency?: string;
  readonly start: string;
  readonly anchorDay?: number;
  /** The first is in force at the start. */
  readonly tiers: Record<string, { plan?: PlanFields; quota?: OverageQuota }>;
  readonly events: readonly EventInput[];
  readonly grants?: readonly { limit: string; amount: number; from: string; until: string }[];
  readonly spendCap?: string;
  readonly budget?: string;
  readonly prepaid?: boolean;
  readonly taxes?: readonly TaxRate[];
  readonly country?: string;
  readonly taxExempt?: boolean;
  readonly credits?: readonly { id: string; left: string; expires?: string }[];
}

function billText(input: BillInput): string {
  const history = historyOf(input);
  const bill = billOf(history);
  const exponent = exponent4217(history.currency);
  const rows = rowsOf(bill).map(([text, minor]): [string, string] => [text, formatMinor(minor, exponent)]);
  const width = Math.max(...rows.map(([text]) => text.length));
  const amountWidth = Math.max(...rows.map(([, amount]) => amount.length));
  const texts = rows.map(([text, amount]) => `${text.padEnd(width)}  ${amount.padStart(amountWidth)}`);
  const isCapped = [input.spendCap, input.budget, input.prepaid].some((cap) => cap !== undefined);
  const stops = bill.segments.at(-1)?.terms.quota?.mode === "stop";
  if ((isCapped || stops) && bill.hardStopMilli !== null) {
    texts.push(`the quota stops at ${formatQuantity(BigInt(bill.hardStopMilli))}`);
  }
  return texts.join("\n");
}

function rowsOf({ lines, totals }: Bill): [string, bigint][] {
  if (totals.kind === "negative") throw new Error("an example with a negative total");
  const rows = lines.map(({ description, minor }): [string, bigint] => [description, minor]);
  rows.push(["subtotal", totals.subtotalMinor]);
  for (const { name, percent, minor } of totals.taxes) rows.push([`${name} ${percent} %`, minor]);
  if (totals.taxes.length > 0 || totals.credits.length > 0) rows.push(["total", totals.totalMinor]);
  for (const { id, minor } of totals.credits) rows.push([`credit ${id}`, -minor]);
  if (totals.credits.length > 0) rows.push(["due", totals.dueMinor]);
  return rows;
}

function historyOf(input: BillInput): History {
  const { currency = "USD", anchorDay = 1, grants = [], credits = [] } = input;
  const names = Object.keys(input.tiers);
  const startMs = Date.parse(input.start);
  const exponent = exponent4217(currency);
  return {
    currency,
    anchorDay,
    startMs,
    tiers: Object.entries(input.tiers).map(([name, { plan = {}, quota = null }]) => ({ name, plan, quota })),
    events: input.events.map((event): HistoryEvent => {
      if ("at" in event) {
        return { kind: "change", atMs: Date.parse(event.at), tier: names.indexOf(event.tier) };
      }
      const { use, route = "/identify", unit = "requests", count = use } = event;
      return { kind: "use", route, unit, count: unit === "requests" ? count : 0, costMilli: use * 1000 };
    }),
    grants: grants.map(({ limit, amount, from, until }) => ({
      limit,
      amount,
      fromMs: Date.parse(from),
      untilMs: Date.parse(until),
    })),
    spendCap: input.spendCap ?? null,
    budget: input.budget ?? null,
    isPrepaid: input.prepaid ?? false,
    taxes: input.taxes ?? [],
    customer: { country: input.country ?? null, taxExempt: input.taxExempt ?? false },
    credits: credits.map(({ id, left, expires }) => ({
      id,
      leftMinor: String(roundToMinor(money(left), exponent)),
      effectiveMs: startMs,
      expiresMs: expires === undefined ? null : Date.parse(expires),
    })),
  };
}

interface NotesInput {
  readonly currency: string;
  readonly lines: readonly string[];
  readonly taxes: readonly TaxRate[];
  /** Index of a line, and the amount to take back. */
  readonly notes: readonly (readonly [line: number, amount: string])[];
}

function notes({ currency, lines, taxes, notes: requests }: NotesInput): string {
  const exponent = exponent4217(currency);
  const minorOf = (amount: string): bigint => roundToMinor(money(amount), exponent);
  const format = (minor: bigint): string => formatMinor(minor, exponent);
  const invoiced = lines.map((amount) => ({ minor: minorOf(amount) }));
  const invoice = { lines: invoiced, taxes: taxesOn(sumOf(invoiced), taxes) };
  const total = (net: bigint, tax: bigint): string =>
    `${format(net)} + ${format(tax)} = ${format(net + tax)}`;
  const texts = [`invoice: ${total(sumOf(invoiced), sumOf(invoice.taxes))}`];
  const made: CreditNote[] = [];
  for (const [line, amount] of requests) {
    const result = creditNote(invoice, made, [{ line, minor: minorOf(amount) }]);
    if (result.kind === "note") {
      made.push(result);
      texts.push(`note: ${total(sumOf(result.lines), sumOf(result.taxes))}`);
    } else {
      texts.push(`rejected: ${format(result.uncreditedMinor)} of line ${line} is left`);
    }
  }
  const credited = made.reduce((sum, { totalMinor }) => sum + totalMinor, 0n);
  return [...texts, `credited: ${format(credited)}`].join("\n");
}

/** An amount in femto that must be one. */
export function money(text: string): bigint {
  const femto = parseMoney(text);
  if (femto === null) throw new Error(`not an amount: ${text}`);
  return femto;
}

function exponent4217(currency: string): number {
  const exponent = exponentOf(currency);
  if (exponent === null) throw new Error(`not a currency: ${currency}`);
  return exponent;
}

/** What 1 minor unit of a currency is, in femto. */
export function minorUnit(currency: string): bigint {
  return minorToFemto(1n, exponent4217(currency));
}
