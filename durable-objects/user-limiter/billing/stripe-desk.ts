/**
 * What an account's object sends to Stripe and takes from it: queues invoices in the outbox, and stores what each delivery has done
 * (src/stripe/), in one transaction with the end of the delivery. Calls nothing itself.
 */
import { parseJson } from "../../../src/json.ts";
import type { InvoiceStatus } from "../../../src/objects/billing-register.ts";
import type { Change } from "../../../src/objects/change.ts";
import {
  type StripeAnswer,
  stripeAnswerSchema,
  type StripeErrorKind,
  type StripeJob,
  type StripeReport,
  type StripeRow,
  type StripeView,
} from "../../../src/objects/stripe.ts";
import { type Outbox, STRIPE_LANE } from "../../outbox.ts";
import type { InvoiceStore, StoredInvoice } from "./invoice-store.ts";
import type { StripeStore } from "./stripe-store.ts";

export interface StripeParts {
  readonly rows: StripeStore;
  readonly invoices: InvoiceStore;
  readonly outbox: Outbox;
  /** Whether the deployment has Stripe's secret key: nothing is queued otherwise. */
  readonly isOn: boolean;
}

/** Changes the status of an invoice (invoicing.ts). */
export interface InvoiceChanges {
  change(
    invoice: StoredInvoice,
    change: Partial<Pick<StoredInvoice, "status" | "dueMs" | "paidMs">>,
    nowMs: number,
    by: Change,
  ): unknown;
  voidInvoice(invoice: StoredInvoice, nowMs: number, by: Change): unknown;
}

const UNPAID: ReadonlySet<InvoiceStatus> = new Set(["issued", "past_due", "uncollectible"]);
const FIRST: Omit<StripeRow, "sinceMs"> = {
  step: "customer",
  attempt: 0,
  customer: null,
  charges: false,
  stripeId: null,
  status: null,
  url: null,
  hasFailed: false,
  error: null,
};

export class StripeDesk {
  readonly #parts: StripeParts;

  constructor(parts: StripeParts) {
    this.#parts = parts;
  }

  get isOn(): boolean {
    return this.#parts.isOn;
  }

  /** Sends an invoice that was issued a moment ago, if something is to be paid. Call in the transaction that stores it. */
  issue(invoice: StoredInvoice, nowMs: number): void {
    if (!this.isOn || invoice.status !== "issued") return;
    this.#parts.rows.put(invoice.document.id, { ...FIRST, sinceMs: nowMs });
    this.#queue(invoice, nowMs);
  }

  /** An invoice, or its credit notes, have changed. Call in the transaction of the change. */
  changed(invoice: StoredInvoice, nowMs: number): void {
    if (this.isOn && this.#parts.rows.find(invoice.document.id)) this.#queue(invoice, nowMs);
  }

  /** Tries again what waits for an operator, and sends what was issued before the deployment had Stripe. Call in a transaction. */
  retry(invoice: StoredInvoice, nowMs: number): void {
    const { rows } = this.#parts;
    const { id } = invoice.document;
    const found = rows.find(id) ?? { ...FIRST, attempt: -1 };
    // Only drafts can be deleted at Stripe: nobody can have paid it, so another one is made.
    const row = found.error?.kind === "missing" ? { ...FIRST, attempt: found.attempt } : found;
    // Another attempt searches first, and its calls have keys of their own.
    rows.put(id, { ...row, error: null, attempt: row.attempt + 1, sinceMs: nowMs });
    this.#queue(invoice, nowMs);
  }

  /** Has an invoice fetched again that Stripe has reported. Call in a transaction. @returns whether it is one of the account. */
  reported({ invoice: id, stripeId, hasFailed }: StripeReport, nowMs: number): boolean {
    const { rows, invoices } = this.#parts;
    const row = rows.find(id);
    const invoice = invoices.find(id);
    if (!this.isOn || row === null || invoice === null || row.stripeId !== stripeId) return false;
    if (hasFailed && !row.hasFailed) rows.put(id, { ...row, hasFailed });
    // Until it is final, the lane fetches it by itself.
    if (row.step === "open") this.#queue(invoice, nowMs);
    return true;
  }

  /** What a delivery starts from; null: there is no such invoice any more. */
  job(id: string): StripeJob | null {
    const { rows, invoices } = this.#parts;
    const [invoice, row] = [invoices.find(id), rows.find(id)];
    if (invoice === null || row === null) return null;
    const { document, status, dueDays, periodMs } = invoice;
    const notes = invoices.notesOf(periodMs).map((note) => note.document);
    return { document, status, dueDays, notes, row, customer: rows.customer };
  }

  /**
   * Stores what a delivery has done. Call in the transaction that ends it. Safe to repeat.
   * @param remove ends the delivery.
   * @returns why the invoice now needs an operator; null if it does not, or did before.
   */
  accept(
    id: string,
    answer: string,
    remove: () => void,
    changes: InvoiceChanges,
    nowMs: number,
  ): StripeErrorKind | null {
    const { rows, invoices } = this.#parts;
    const { attempt, row, customer, seen, isDone } = stripeAnswerSchema.parse(parseJson(answer));
    const before = rows.find(id);
    const invoice = invoices.find(id);
    // An operator has begun anew meanwhile, which has queued it again.
    if (before === null || invoice === null || before.attempt !== attempt) {
      remove();
      return null;
    }
    const hasFailed = before.hasFailed || row.hasFailed;
    rows.put(id, { ...row, hasFailed });
    if (customer) rows.putCustomer(customer);
    if (isDone) remove();
    if (seen) this.#adopt(invoice, seen, hasFailed, row.stripeId, changes, nowMs);
    return before.error === null && row.error ? row.error.kind : null;
  }

  /** Erases what may name a person. Call in the transaction of the erasure. */
  erase(): void {
    this.#parts.rows.erase();
  }

  view(id: string): StripeView | null {
    const row = this.#parts.rows.find(id);
    if (row === null) return null;
    const { stripeId, step, status, url, error } = row;
    return { id: stripeId, step, status, url, error };
  }

  /** Makes our status what Stripe's is. */
  #adopt(
    invoice: StoredInvoice,
    { status, paidMs }: NonNullable<StripeAnswer["seen"]>,
    hasFailed: boolean,
    stripeId: string | null,
    changes: InvoiceChanges,
    nowMs: number,
  ): void {
    if (!UNPAID.has(invoice.status)) return;
    const by = { actor: "stripe", reason: stripeId ?? "" };
    if (status === "paid") {
      changes.change(invoice, { status: "paid", dueMs: null, paidMs: paidMs ?? nowMs }, nowMs, by);
    } else if (status === "void") {
      changes.voidInvoice(invoice, nowMs, by);
    } else if (status === "uncollectible" && invoice.status !== "uncollectible") {
      changes.change(invoice, { status: "uncollectible", dueMs: null }, nowMs, by);
    } else if (status === "open" && hasFailed && invoice.status === "issued") {
      changes.change(invoice, { status: "past_due" }, nowMs, by);
    }
  }

  #queue({ document, version }: StoredInvoice, nowMs: number): void {
    this.#parts.outbox.put({ lane: STRIPE_LANE, name: document.id, value: "", version }, nowMs);
  }
}
