/** The admin API's answers about invoices and credit notes, as far as the page shows them. Pure; every answer passes a guard. */
import {
  type Guards,
  isListOf,
  isMissingOr,
  isNullOr,
  isNumber,
  isOneOf,
  isShape,
  isText,
  parseAs,
} from "../shell/guards.ts";
import type { Tone } from "../kit/tone.ts";
import type { InvoiceSummary, Invoice as Whole, ListedDocument } from "../shell/answers.ts";
import { accountPath } from "../user/account-api.ts";

/** The statuses, and what they mean by their colour. */
export const STATUS_TONES: Readonly<Record<InvoiceSummary["status"], Tone>> = {
  draft: "neutral",
  pending: "neutral",
  issued: "info",
  paid: "allowed",
  past_due: "error",
  void: "neutral",
  uncollectible: "warning",
  carried: "neutral",
  empty: "neutral",
};

type StripeError = NonNullable<NonNullable<InvoiceSummary["stripe"]>["error"]>;
const ERROR_KINDS: Readonly<Record<StripeError["kind"], unknown>> = {
  total_differs: 1,
  amount: 1,
  rejected: 1,
  missing: 1,
  conflict: 1,
  not_configured: 1,
};

/** An invoice or a credit note in a list. */
export type Invoice = Pick<
  InvoiceSummary,
  "id" | "number" | "kind" | "status" | "period" | "currency" | "total" | "open" | "dueAt"
> &
  // Only lists of one account have these: when the review of a draft ends, what corrects it, and why it waits for an operator.
  Partial<Pick<InvoiceSummary, "finalizesAt" | "creditNotes">> & {
    readonly stripe?: { readonly error: StripeError | null } | null;
  };
export const INVOICE: Guards<Invoice> = {
  id: isText,
  number: isNullOr(isText),
  kind: isOneOf({ invoice: true, credit_note: true }),
  status: isOneOf(STATUS_TONES),
  period: isShape({ start: isText, end: isText }),
  currency: isText,
  total: isText,
  open: isText,
  dueAt: isNullOr(isText),
  finalizesAt: isMissingOr(isNullOr(isText)),
  creditNotes: isMissingOr(isListOf(isText)),
  stripe: isMissingOr(
    isNullOr(
      isShape<{ readonly error: StripeError | null }>({
        error: isNullOr(isShape<StripeError>({ kind: isOneOf(ERROR_KINDS), detail: isText })),
      }),
    ),
  ),
};

const isInvoice = isShape<Invoice>(INVOICE);
export const parseInvoices = parseAs(
  isShape<{ readonly invoices: readonly Invoice[]; readonly cursor: string | null }>({
    invoices: isListOf(isInvoice),
    cursor: isNullOr(isText),
  }),
);
export const parseInvoice = parseAs(isInvoice);

/** Of any account: only what has a number. */
export type RegisteredInvoice = Invoice & Pick<ListedDocument, "account">;
export const parseRegister = parseAs(
  isShape<{ readonly documents: readonly RegisteredInvoice[]; readonly cursor: string | null }>({
    documents: isListOf(isShape<RegisteredInvoice>({ ...INVOICE, account: isText })),
    cursor: isNullOr(isText),
  }),
);

type Line = Pick<Whole["document"]["lines"][number], "description" | "minor">;
interface Lines {
  readonly document: Pick<Whole["document"], "exponent"> & { readonly lines: readonly Line[] };
}
export const parseLines = parseAs(
  isShape<Lines>({
    document: isShape({
      exponent: isNumber,
      lines: isListOf(isShape<Line>({ description: isText, minor: isText })),
    }),
  }),
);

/** Also of a credit note. */
export function invoicePath(account: string, id: string): string {
  return `${accountPath(account)}/invoices/${encodeURIComponent(id)}`;
}

/** An amount in the currency's major unit. */
export function majorOf(minor: string, exponent: number): string {
  const digits = minor.replace("-", "").padStart(exponent + 1, "0");
  const at = digits.length - exponent;
  return `${minor.startsWith("-") ? "-" : ""}${digits.slice(0, at)}${exponent === 0 ? "" : `.${digits.slice(at)}`}`;
}
