/**
 * An invoice or a credit note as people read it: every text that its page and its PDF show. Both render this, so that they say the same.
 * invoice-text.ts makes it of a document.
 */

export const FROM = "From";
export const BILL_TO = "Bill to";
/** The heads of the lines; then comes {@link amountHead}. */
export const LINE_HEADS = ["Description", "Quantity", "Unit price"] as const;
export const USAGE_TITLE = "Usage";
export const USAGE_HEADS = ["Route", "Requests", "Counted as"] as const;

/** How the document stands today, which is not part of it. */
export type Standing =
  | "draft"
  | "pending"
  | "issued"
  | "paid"
  | "past_due"
  | "void"
  | "uncollectible"
  | "carried"
  | "empty";

export interface Badge {
  readonly text: string;
  readonly tone: "plain" | "good" | "bad";
}

export interface Fact {
  readonly label: string;
  readonly value: string;
}

export interface Party {
  readonly name: string;
  readonly lines: readonly string[];
}

export interface PartView {
  readonly label: string;
  readonly quantity: string;
  readonly unitPrice: string;
  /** Exact, before the line is rounded. */
  readonly amount: string;
}

export interface LineView {
  readonly description: string;
  /** The time that it charges for, and what was cut; may be empty. */
  readonly note: string;
  readonly quantity: string;
  readonly unitPrice: string;
  readonly amount: string;
  readonly parts: readonly PartView[];
}

export interface TotalView {
  readonly label: string;
  readonly amount: string;
  readonly isStrong: boolean;
}

export interface UsageView {
  readonly route: string;
  readonly requests: string;
  readonly used: string;
}

export interface SegmentView {
  readonly title: string;
  readonly usage: readonly UsageView[];
}

export interface InvoiceView {
  readonly title: string;
  /** With its number, for a window and a file. */
  readonly name: string;
  readonly badge: Badge | null;
  readonly facts: readonly Fact[];
  readonly seller: Party | null;
  readonly customer: Party;
  /** What there is to pay, and when. */
  readonly headline: string;
  readonly currency: string;
  readonly lines: readonly LineView[];
  readonly totals: readonly TotalView[];
  readonly segments: readonly SegmentView[];
  readonly footnotes: readonly string[];
}

export function amountHead({ currency }: Pick<InvoiceView, "currency">): string {
  return `Amount (${currency})`;
}
