/** The draft of an ended period's invoice, as it is stored. Changes nothing. */
import type { BilledPeriod } from "../../../src/billing/billed-period.ts";
import { draftInvoice, type ExtraLine } from "../../../src/billing/draft-invoice.ts";
import type { BillingDesk } from "./billing-desk.ts";
import { type ClosingRules, finalizeAtMs, invoiceId } from "./closing-rules.ts";
import { invoiceSource } from "./invoice-source.ts";
import type { StoredInvoice } from "./invoice-store.ts";

/**
 * @param carried invoices whose amounts become lines of it.
 * @param fromMs when its review begins.
 */
export function draftOf(
  desk: BillingDesk,
  billed: BilledPeriod,
  rules: ClosingRules,
  user: string,
  carried: readonly StoredInvoice[],
  fromMs: number,
): StoredInvoice {
  const { startMs } = billed.period;
  const id = invoiceId(user, startMs);
  const source = invoiceSource(desk, billed, rules, id, user, carried.map(carriedLine));
  const draft = draftInvoice(source);
  if (draft.kind === "negative") throw new RangeError("rated lines are never negative");
  const { document } = draft;
  return {
    periodMs: startMs,
    status: document.totalMinor === "0" ? "empty" : "draft",
    document,
    series: rules.series,
    dueDays: rules.dueDays,
    carryBelowMinor: rules.carryBelowMinor(document.exponent),
    finalizeMs: finalizeAtMs(fromMs, rules, user),
    sha256: null,
    dueMs: null,
    paidMs: null,
    carriedToMs: null,
    version: 1,
  };
}

/** Before tax: tax on a carried tax would be charged twice. */
function carriedLine({ document }: StoredInvoice): ExtraLine {
  const [start, end] = [document.period.start, document.period.end].map((time) => time.slice(0, 10));
  return {
    kind: "carried",
    description: `carried from ${start} until ${end}`,
    minor: BigInt(document.subtotalMinor),
  };
}
