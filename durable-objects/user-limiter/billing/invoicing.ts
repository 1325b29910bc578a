/**
 * What happens to the invoices of closed periods: drafts are adjusted and made final, numbered invoices are paid, credited and voided.
 * Each change of a numbered invoice is queued for the register, in the transaction that stores it.
 */
import { type CreditNote, creditNote, type CreditedLine } from "../../../src/billing/credit-note.ts";
import { creditableOf, creditNoteOf, draftCreditNote } from "../../../src/billing/draft-credit-note.ts";
import { draftInvoice, type ExtraLine, sourceOf } from "../../../src/billing/draft-invoice.ts";
import { type InvoiceDocument, issued } from "../../../src/billing/invoice-document.ts";
import { formatMinor } from "../../../src/billing/money.ts";
import { parseJson } from "../../../src/json.ts";
import type { InvoiceStatus } from "../../../src/objects/billing-register.ts";
import type { Change } from "../../../src/objects/change.ts";
import { writeDocument } from "../../../src/objects/invoice.ts";
import type { StripeErrorKind } from "../../../src/objects/stripe.ts";
import { type Outbox, STRIPE_LANE } from "../../outbox.ts";
import type { AccountStore } from "../account-store.ts";
import type { AuditTrail } from "../audit-trail.ts";
import { returnCredits, takeCredits } from "./applied-credits.ts";
import type { BillingDesk } from "./billing-desk.ts";
import { DocumentQueue } from "./document-queue.ts";
import type { InvoiceStore, StoredCreditNote, StoredInvoice } from "./invoice-store.ts";
import { acceptedSchema, issuedInvoice, issuedNote, openMinorOf } from "./register-entries.ts";
import type { StripeDesk } from "./stripe-desk.ts";

/** Bounds an invoice: each line is rated and shown. */
const MAX_ADJUSTMENTS = 100;

/** Bounds the work of a credit note, which reads all earlier ones. */
const MAX_CREDIT_NOTES = 100;

/** The author of automatic steps in the audit trail, and their reason. */
const AUTOMATIC = { actor: "billing", reason: "due" };

export interface InvoicingParts {
  readonly desk: BillingDesk;
  readonly invoices: InvoiceStore;
  readonly stripe: StripeDesk;
  readonly accounts: AccountStore;
  readonly outbox: Outbox;
  readonly audit: AuditTrail;
}

/** Why a draft was not changed. */
export type DraftRejection =
  | { readonly kind: "no-invoice" }
  /** It is final, or was. */
  | { readonly kind: "not-draft"; readonly status: InvoiceStatus }
  | { readonly kind: "too-many" }
  /** The subtotal would be negative. */
  | { readonly kind: "negative"; readonly subtotal: string };

export class Invoicing {
  readonly #parts: InvoicingParts;
  readonly #queue: DocumentQueue;

  constructor(parts: InvoicingParts) {
    this.#parts = parts;
    this.#queue = new DocumentQueue(parts);
  }

  get invoices(): InvoiceStore {
    return this.#parts.invoices;
  }

  get stripe(): StripeDesk {
    return this.#parts.stripe;
  }

  /** The draft of this id, if it may be changed. An empty invoice can be adjusted until its finalization time. */
  draftOf(id: string, nowMs: number): StoredInvoice | DraftRejection {
    const invoice = this.invoices.find(id);
    if (invoice === null) return { kind: "no-invoice" };
    const { status, finalizeMs } = invoice;
    const isDraft = status === "draft" || (status === "empty" && nowMs < finalizeMs);
    return isDraft ? invoice : { kind: "not-draft", status };
  }

  /** The draft with these lines added, unless that is impossible. Call in a transaction. */
  adjust(id: string, lines: readonly ExtraLine[], nowMs: number): StoredInvoice | DraftRejection {
    const draft = this.draftOf(id, nowMs);
    if ("kind" in draft) return draft;
    const extraLines = [...sourceOf(draft.document).extraLines, ...lines];
    if (extraLines.length > MAX_ADJUSTMENTS) return { kind: "too-many" };
    returnCredits(this.#parts.desk, draft.document);
    const credits = this.#parts.desk.store.credits.filter(
      ({ currency }) => currency === draft.document.currency,
    );
    const again = draftInvoice({ ...sourceOf(draft.document), extraLines, credits });
    if (again.kind === "negative") {
      takeCredits(this.#parts.desk, draft.document);
      return { kind: "negative", subtotal: formatMinor(again.subtotalMinor, draft.document.exponent) };
    }
    takeCredits(this.#parts.desk, again.document);
    return this.invoices.putNext({ ...draft, status: "draft", document: again.document });
  }

  /**
   * Makes a draft final: queues it for a number, carries it to the next invoice if it is too small, or marks it `empty` if nothing is owed.
   * Call in a transaction.
   */
  finalize(draft: StoredInvoice, nowMs: number): StoredInvoice {
    const { document, carryBelowMinor } = draft;
    const totalMinor = BigInt(document.totalMinor);
    if (totalMinor === 0n) return this.invoices.putNext({ ...draft, status: "empty" });
    // Without an open period of its currency there is no next invoice to carry it to.
    const hasNext = this.#parts.desk.store.period?.currency === document.currency;
    const isCarried = totalMinor < carryBelowMinor && hasNext;
    if (isCarried) {
      returnCredits(this.#parts.desk, document);
      return this.invoices.putNext({ ...draft, status: "carried" });
    }
    return this.#queue.put(this.invoices.putNext({ ...draft, status: "pending" }), nowMs);
  }

  /** Changes an invoice's status. If it has a number, queues the change for the register. Call in a transaction. */
  change(
    invoice: StoredInvoice,
    change: Partial<Pick<StoredInvoice, "status" | "dueMs" | "paidMs">>,
    nowMs: number,
    by: Change = AUTOMATIC,
  ): StoredInvoice {
    const changed = this.invoices.putNext({ ...invoice, ...change });
    const [before, after] = [invoice, changed].map(settingsOf);
    this.#parts.audit.note(`invoice.${changed.status}`, by, before ?? null, after ?? null, nowMs);
    this.stripe.changed(changed, nowMs);
    return invoice.document.number === null ? changed : this.#queue.put(changed, nowMs);
  }

  /** Voids an invoice: returns its credits, and leaves the amounts that were carried to it to the next one. Call in a transaction. */
  voidInvoice(invoice: StoredInvoice, nowMs: number, by: Change): StoredInvoice {
    returnCredits(this.#parts.desk, invoice.document);
    for (const carried of this.invoices.carriedTo(invoice.periodMs)) {
      this.invoices.putNext({ ...carried, carriedToMs: null });
    }
    return this.change(invoice, { status: "void", dueMs: null }, nowMs, by);
  }

  /** A credit note for an issued invoice, unless it asks for too much. Call in a transaction. */
  credit(
    invoice: StoredInvoice,
    lines: readonly CreditedLine[],
    nowMs: number,
    by: Change,
  ):
    | { readonly kind: "credited"; readonly note: StoredCreditNote; readonly invoice: StoredInvoice }
    | { readonly kind: "too-many" }
    | Exclude<ReturnType<typeof creditNote>, { kind: "note" }> {
    const { document, periodMs, series } = invoice;
    const notes = this.invoices.notesOf(periodMs);
    if (notes.length >= MAX_CREDIT_NOTES) return { kind: "too-many" };
    const earlier: CreditNote[] = notes.map((note) => creditNoteOf(note.document));
    const made = creditNote(creditableOf(document), earlier, lines);
    if (made.kind !== "note") return made;
    const id = `${document.id}.c${String(notes.length + 1).padStart(3, "0")}`;
    const draft = draftCreditNote(document, id, made, by.reason);
    const note: StoredCreditNote = { periodMs, document: draft, series, sha256: null, version: 1 };
    this.invoices.putNote(note);
    this.#queue.putNote(note, nowMs);
    // If nothing is left to pay, the invoice is paid.
    const isOpen = openMinorOf(invoice, [...notes, note]) > 0n;
    const isUnpaid = invoice.status === "issued" || invoice.status === "past_due";
    const changed =
      isUnpaid && !isOpen
        ? this.change(invoice, { status: "paid", dueMs: null, paidMs: nowMs }, nowMs, by)
        : this.#queue.put(this.invoices.putNext(invoice), nowMs);
    return { kind: "credited", note, invoice: changed };
  }

  /** An invoice or a credit note. @throws if the account has no document of this id. */
  document(id: string): InvoiceDocument {
    return this.#byId(id).document;
  }

  /** The text of a document as issued: unchanged if it has a number, otherwise with `number` and `issuedMs`. @throws if the account has no document of this id. */
  issuedText(id: string, number: string, issuedMs: number): string {
    const { document, dueDays } = this.#byId(id);
    if (document.number !== null) return writeDocument(document);
    return writeDocument(issued(document, number, issuedMs, dueDays));
  }

  /**
   * Stores what the register or Stripe has answered. Call in a transaction. Safe to repeat.
   * @param remove deletes the entry of the outbox.
   * @returns why the invoice now needs an operator; null if it does not, or did before.
   */
  accept(
    lane: string,
    id: string,
    answer: string,
    remove: () => void,
    nowMs: number,
  ): StripeErrorKind | null {
    if (lane === STRIPE_LANE) return this.stripe.accept(id, answer, remove, this, nowMs);
    this.#acceptNumber(id, answer, nowMs);
    remove();
    return null;
  }

  #acceptNumber(id: string, answer: string, nowMs: number): void {
    const accepted = acceptedSchema.parse(parseJson(answer));
    const note = this.invoices.findNote(id);
    const invoice = note ? null : this.invoices.find(id);
    if ("refused" in accepted) {
      if (invoice?.status !== "pending") return;
      const { refused, fields } = accepted;
      const by = { ...AUTOMATIC, reason: [refused, ...fields].join(" ") };
      // The customer has the document of the number that was given before: what that one used stays used.
      if (refused === "differs") this.change(invoice, { status: "void" }, nowMs, by);
      else this.voidInvoice(invoice, nowMs, by);
      return;
    }
    const done = { id, sha256: accepted.sha256, number: accepted.number };
    if (note?.document.number === null) {
      this.invoices.putNote(issuedNote(note, accepted));
      const corrected = this.invoices.at(note.periodMs);
      if (corrected) this.stripe.changed(corrected, nowMs);
      this.#parts.audit.note("credit_note.issued", AUTOMATIC, null, done, nowMs);
    }
    if (invoice?.document.number === null) {
      this.stripe.issue(this.invoices.putNext(issuedInvoice(invoice, accepted)), nowMs);
      this.#parts.audit.note("invoice.issued", AUTOMATIC, null, done, nowMs);
    }
  }

  #byId(id: string): { readonly document: InvoiceDocument; readonly dueDays: number | null } {
    const found = this.invoices.find(id);
    if (found) return found;
    const note = this.invoices.findNote(id);
    if (note === null) throw new Error(`the account has no document ${id}`);
    return { document: note.document, dueDays: null };
  }
}

function settingsOf({ document, status }: StoredInvoice): object {
  return { id: document.id, number: document.number, status };
}
