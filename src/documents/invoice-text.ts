/**
 * The texts of an invoice or a credit note (invoice-view.ts), from its document.
 *
 * Pure. Computes no amount: all are in the document.
 */
import type { InvoiceDocument, InvoiceLine, InvoiceSegment } from "../billing/invoice-document.ts";
import { formatMilli, type LineDetail } from "../billing/line.ts";
import { formatMinor } from "../billing/money.ts";
import { dateText, groupedDecimal, spanText } from "./amount-text.ts";
import type {
  Badge,
  Fact,
  InvoiceView,
  LineView,
  PartView,
  Party,
  SegmentView,
  Standing,
  TotalView,
} from "./invoice-view.ts";

/** What people read of a document that stands so. Texts are in Unicode's composed form, as fonts have them. */
export function invoiceView(document: InvoiceDocument, standing: Standing): InvoiceView {
  const { kind, number, currency, seller, user, segments } = document;
  const title = kind === "invoice" ? "Invoice" : "Credit note";
  return {
    title,
    name: `${title} ${number ?? "(draft)"}`,
    badge: BADGES[standing],
    facts: factsOf(document, title),
    seller: seller && {
      name: composed(seller.name),
      lines: [...seller.address.map(composed), ...taxIdOf(seller.taxId)],
    },
    customer: customerOf(document),
    headline: headlineOf(document, standing),
    currency,
    lines: document.lines.map((line) => lineOf(line, document)),
    totals: totalsOf(document),
    segments: segments.filter(({ usage }) => usage.length > 0).map(segmentOf),
    footnotes: [`Account ${user}. Periods and dates are in UTC. Document ${document.id}.`],
  };
}

const BADGES: Readonly<Record<Standing, Badge | null>> = {
  draft: { text: "Draft", tone: "plain" },
  // Final, without a number for a moment.
  pending: { text: "Draft", tone: "plain" },
  issued: null,
  paid: { text: "Paid", tone: "good" },
  past_due: { text: "Past due", tone: "bad" },
  void: { text: "Void", tone: "bad" },
  // It is still owed.
  uncollectible: { text: "Past due", tone: "bad" },
  carried: { text: "Carried forward", tone: "plain" },
  empty: { text: "Not issued", tone: "plain" },
};

function factsOf(
  { number, corrects, reason, issuedAt, dueAt, period }: InvoiceDocument,
  title: string,
): Fact[] {
  const span = spanText(Date.parse(period.start), Date.parse(period.end));
  return [
    { label: `${title} number`, value: number ?? "None yet" },
    ...(corrects === null ? [] : [{ label: "Corrects invoice", value: corrects.number }]),
    ...(issuedAt === null ? [] : [{ label: "Date of issue", value: dateText(Date.parse(issuedAt)) }]),
    ...(dueAt === null ? [] : [{ label: "Date due", value: dateText(Date.parse(dueAt)) }]),
    { label: "Billing period", value: span },
    ...(reason === null || reason === "" ? [] : [{ label: "Reason", value: composed(reason) }]),
  ];
}

function customerOf({ customer, user }: InvoiceDocument): Party {
  const { name, email, address = [], country, taxId } = customer;
  const lines = [
    ...address,
    ...(country === undefined ? [] : [country]),
    ...(email === undefined ? [] : [email]),
  ];
  return { name: composed(name ?? user), lines: [...lines.map(composed), ...taxIdOf(taxId)] };
}

function taxIdOf(taxId: string | undefined): string[] {
  return taxId === undefined ? [] : [composed(`Tax ID: ${taxId}`)];
}

function headlineOf(document: InvoiceDocument, standing: Standing): string {
  const { kind, currency, dueMinor, dueAt } = document;
  const amount = `${currency} ${amountOf(dueMinor, document)}`;
  if (kind === "credit_note") return `${amount} ${document.number === null ? "to be credited" : "credited"}`;
  switch (standing) {
    case "draft":
    case "pending":
      return `${amount}, not issued yet`;
    case "void":
      return "Void: nothing is due";
    case "carried":
      return `${amount}, carried to the next invoice`;
    case "empty":
      return "Nothing is due";
    case "paid":
      // What credits have paid needs no payment.
      return BigInt(dueMinor) === 0n ? `${amount} due` : `${amount} paid`;
    case "issued":
    case "past_due":
    case "uncollectible":
      return dueAt === null ? `${amount} due` : `${amount} due ${dateText(Date.parse(dueAt))}`;
  }
}

function lineOf(line: InvoiceLine, document: InvoiceDocument): LineView {
  const { kind, description, quantity, unitPrice, detail, minor } = line;
  // An operator's words stay as they are: what looks like a span need not be one, nor end before its last day.
  const [text, note] = kind === "adjustment" ? [description, ""] : withoutSpan(description);
  return {
    description: composed(text),
    note: composed(note),
    quantity: groupedDecimal(quantity ?? ""),
    unitPrice: priceText(unitPrice ?? "", document),
    amount: amountOf(minor, document),
    parts: detail.length > 1 || unitPrice === null ? partsOf(detail, document) : [],
  };
}

/** As rating writes it (`formatSpan`). */
const SPAN = /^(.*), (\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?) until (\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?)(.*)$/;

/** The time that a line's text names, apart and easier to read. */
function withoutSpan(description: string): [text: string, note: string] {
  const [, before, start = "", end = "", after = ""] = SPAN.exec(description) ?? [];
  return before === undefined
    ? [description, ""]
    : [before, `${spanText(Date.parse(start), Date.parse(end))}${after}`];
}

/** Price tiers in order, or the packages: a single part without a flat amount that is not a unit price. */
function partsOf(detail: readonly LineDetail[], document: InvoiceDocument): PartView[] {
  return detail.map(({ quantity, unitPrice, flat, amount }, index) => {
    const isPackages = detail.length === 1 && flat === "0";
    const tier = detail.length === 1 ? "All" : index === 0 ? "First" : "Next";
    const label = isPackages ? "Packages" : tier;
    return {
      label: flat === "0" ? label : `${label}, with ${priceText(flat, document)} once`,
      quantity: groupedDecimal(quantity),
      unitPrice: priceText(unitPrice, document),
      amount: priceText(amount, document),
    };
  });
}

function totalsOf(document: InvoiceDocument): TotalView[] {
  const { kind, subtotalMinor, taxes, totalMinor, credits, dueMinor, customer } = document;
  const total = (label: string, minor: string, isStrong = false): TotalView => ({
    label: composed(label),
    amount: amountOf(minor, document),
    isStrong,
  });
  const taxed = taxes.map(({ name, percent, minor }) => total(`${name} (${percent}%)`, minor));
  const exempt = taxes.length === 0 && customer.taxExempt === true ? [total("Tax (exempt)", "0")] : [];
  if (kind === "credit_note") {
    return [total("Subtotal", subtotalMinor), ...taxed, ...exempt, total("Total credited", totalMinor, true)];
  }
  return [
    total("Subtotal", subtotalMinor),
    ...taxed,
    ...exempt,
    total("Total", totalMinor),
    ...credits.map((credit) =>
      total(credit.kind === "paid" ? "Prepaid credit" : "Credit", String(-BigInt(credit.minor))),
    ),
    total("Amount due", dueMinor, true),
  ];
}

function segmentOf({ tier, start, end, usage }: InvoiceSegment): SegmentView {
  return {
    title: composed(`${tier}, ${spanText(Date.parse(start), Date.parse(end))}`),
    usage: usage.map(({ route, unit, count, costMilli }) => ({
      route: route === "" ? "No route" : composed(route),
      requests: count === 0 ? "" : groupedDecimal(String(count)),
      used: composed(`${groupedDecimal(formatMilli(BigInt(costMilli)))} ${unit}`),
    })),
  };
}

function amountOf(minor: string, { exponent }: InvoiceDocument): string {
  return groupedDecimal(formatMinor(BigInt(minor), exponent), exponent);
}

/** A price as configured, with at least the decimals of the currency. */
function priceText(text: string, { exponent }: InvoiceDocument): string {
  return groupedDecimal(text, exponent);
}

function composed(text: string): string {
  return text.normalize("NFC");
}
