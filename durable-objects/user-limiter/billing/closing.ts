/**
 * Closing an account's billing periods: draft, review, number, payment, each at its time. docs/billing.md describes the steps.
 *
 * Each step is one transaction, so a crash leaves the state before or after it, and the step is due again. Nothing here runs per
 * decision but a comparison ({@link Closing.dueMs}).
 */
import { lastSegment } from "../../../src/billing/billed-period.ts";
import { type CreditNote, creditNote, type CreditedLine } from "../../../src/billing/credit-note.ts";
import { creditableOf, creditNoteOf, draftCreditNote } from "../../../src/billing/draft-credit-note.ts";
import { draftInvoice, type ExtraLine, sourceOf } from "../../../src/billing/draft-invoice.ts";
import { type InvoiceDocument, issued } from "../../../src/billing/invoice-document.ts";
import { formatMinor } from "../../../src/billing/money.ts";
import { writeDocument } from "../../../src/objects/invoice.ts";
import type { InvoiceStatus } from "../../../src/objects/billing-register.ts";
import type { Change } from "../../../src/objects/change.ts";
import type { StripeErrorKind } from "../../../src/objects/stripe.ts";
import { type Outbox, STRIPE_LANE } from "../../outbox.ts";
import type { AccountEvents } from "../../events/account-events.ts";
import type { AccountStore } from "../account-store.ts";
import type { AuditTrail } from "../audit-trail.ts";
import { returnCredits, takeCredits } from "./applied-credits.ts";
import type { ClosingRules } from "./closing-rules.ts";
import type { BillingDesk } from "./billing-desk.ts";
import { creditData } from "./document-events.ts";
import { DocumentQueue } from "./document-queue.ts";
import type { UnclosedPeriod } from "./billing-rows.ts";
import { draftOf } from "./period-draft.ts";
import type { InvoiceStore, StoredCreditNote, StoredInvoice } from "./invoice-store.ts";
import { acceptedSchema, issuedInvoice, issuedNote, openMinorOf } from "./register-entries.ts";
import type { StripeDesk } from "./stripe-desk.ts";
import { closeAtMs, UnclosedPeriods } from "./unclosed-periods.ts";
import { parseJson } from "../../../src/json.ts";

/** Bounds an invoice: each line is rated and shown. */
export const MAX_ADJUSTMENTS = 100;

/** Bounds the work of a credit note, which reads all earlier ones. */
export const MAX_CREDIT_NOTES = 100;

/** Who does what is due, in the audit trail. */
const AUTOMATIC = { actor: "billing", reason: "due" };

export interface ClosingParts {
  readonly desk: BillingDesk;
  readonly invoices: InvoiceStore;
  readonly stripe: StripeDesk;
  readonly accounts: AccountStore;
  readonly outbox: Outbox;
  readonly audit: AuditTrail;
  /** What queues the account's events; null: the policy reports none. */
  readonly events: () => AccountEvents | null;
}

/** Why a draft was not changed. */
export type DraftRejection =
  | { readonly kind: "no-invoice" }
  /** It is final, or was. */
  | { readonly kind: "not-draft"; readonly status: InvoiceStatus }
  | { readonly kind: "too-many" }
  /** The lines would come to less than nothing. */
  | { readonly kind: "negative"; readonly subtotal: string };

export class Closing {
  readonly #parts: ClosingParts;
  readonly #queue: DocumentQueue;
  readonly #unclosed: UnclosedPeriods;

  constructor(parts: ClosingParts) {
    this.#parts = parts;
    this.#queue = new DocumentQueue(parts);
    this.#unclosed = new UnclosedPeriods(parts.desk);
  }

  get invoices(): InvoiceStore {
    return this.#parts.invoices;
  }

  get stripe(): StripeDesk {
    return this.#parts.stripe;
  }

  /** When the next step is due; Infinity: nothing is billed. Of the open period, when it will be closed. */
  get dueMs(): number {
    if (this.#parts.desk.store.account === null) return Infinity;
    return Math.min(this.#unclosed.dueMs, this.invoices.due.dueMs);
  }

  /** Whether an invoice is past due. */
  get hasOverdue(): boolean {
    return this.#parts.desk.store.account !== null && this.invoices.due.hasOverdue;
  }

  /** Whether a period that has ended until this moment has no numbered invoice yet, but may get one, or a credit note of it. */
  hasOpenBills(untilMs: number, nowMs: number): boolean {
    const unclosed = this.#parts.desk.store.unclosed();
    return unclosed.some(({ endMs }) => endMs <= untilMs) || this.invoices.hasUnnumbered(untilMs, nowMs);
  }

  /** The policy's revision that the last segment was rated by of what is due to be closed; null: nothing is. */
  dueRevision(nowMs: number): number | null {
    const due = this.#unclosed.due(nowMs).at(-1);
    return due ? lastSegment(this.#parts.desk.store.at(due.startMs)).revision : null;
  }

  /**
   * Does what is due. Call in a transaction, after the desk has advanced to `nowMs` and late leases are settled.
   * @param rules null only if no period is due to be closed ({@link dueRevision}).
   * @returns whether it changed anything.
   */
  run(rules: ClosingRules | null, nowMs: number): boolean {
    const due = this.#unclosed.due(nowMs);
    for (const unclosed of due) {
      if (rules === null) throw new Error("closing a period needs the policy's billing");
      this.#close(unclosed, rules, nowMs);
    }
    const final = this.invoices.withStatus("draft").filter(({ finalizeMs }) => nowMs >= finalizeMs);
    for (const invoice of final) this.finalize(invoice, nowMs);
    const late = this.invoices.withStatus("issued").filter(({ dueMs }) => dueMs !== null && nowMs >= dueMs);
    for (const invoice of late) this.change(invoice, { status: "past_due" }, nowMs);
    return due.length + final.length + late.length > 0;
  }

  /** The draft with these lines added, unless that is impossible. Call in a transaction. */
  adjust(id: string, lines: readonly ExtraLine[], nowMs: number): StoredInvoice | DraftRejection {
    const draft = this.#draft(id, nowMs);
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

  /** Makes a draft final: it gets its number, or is too small for one. Call in a transaction. */
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

  /** The draft of this id, if it may be changed. */
  draftOf(id: string, nowMs: number): StoredInvoice | DraftRejection {
    return this.#draft(id, nowMs);
  }

  /** Changes a numbered invoice's status, and tells the register. Call in a transaction. */
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

  /** Cancels an invoice: its credits are given back, and amounts carried to it are carried to the next one. Call in a transaction. */
  cancel(invoice: StoredInvoice, nowMs: number, by: Change): StoredInvoice {
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
    // If nothing is left to pay, the invoice is settled.
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

  /** The bytes of a document as it is with this number. @throws if the account has no document of this id. */
  issuedText(id: string, number: string, issuedMs: number): string {
    const { document, dueDays } = this.#byId(id);
    if (document.number !== null) return writeDocument(document);
    return writeDocument(issued(document, number, issuedMs, dueDays));
  }

  /**
   * Stores what the register or Stripe has answered. Call in a transaction. Safe to repeat.
   * @param remove deletes the entry of the outbox.
   * @returns why an invoice waits for an operator from now on; null: it does not.
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
      else this.cancel(invoice, nowMs, by);
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

  /** Drafts the invoice of a period. */
  #close(unclosed: UnclosedPeriod, rules: ClosingRules, nowMs: number): void {
    const { desk, accounts } = this.#parts;
    const { account } = desk.store;
    const { user } = accounts;
    if (account === null || user === null) throw new Error("a period without an account");
    // The hours of the period are frozen from here on, even if the clock steps back.
    desk.putAccount(account, nowMs);
    const billed = desk.store.at(unclosed.startMs);
    const carried = this.invoices.uncarried().filter(({ document }) => document.currency === billed.currency);
    const reviewFromMs = Math.max(nowMs, closeAtMs(unclosed));
    const draft = draftOf(desk, billed, rules, user, carried, reviewFromMs);
    takeCredits(desk, draft.document);
    this.#reportExpired(billed.period.endMs, nowMs);
    for (const invoice of carried) this.invoices.putNext({ ...invoice, carriedToMs: unclosed.startMs });
    this.invoices.put(draft);
    this.#unclosed.changed();
  }

  /** Credits expire with the period that contains their expiry date: what its draft leaves of them pays nothing more. */
  #reportExpired(endMs: number, nowMs: number): void {
    const events = this.#parts.events();
    if (events === null) return;
    for (const credit of this.#parts.desk.store.credits) {
      const isExpired = credit.expiresMs !== null && credit.expiresMs < endMs && credit.leftMinor > 0n;
      if (isExpired) events.creditExpired(credit.id, creditData(credit), nowMs);
    }
  }

  /** An empty invoice may get adjustments for as long as a draft. */
  #draft(id: string, nowMs: number): StoredInvoice | DraftRejection {
    const invoice = this.invoices.find(id);
    if (invoice === null) return { kind: "no-invoice" };
    const { status, finalizeMs } = invoice;
    const isDraft = status === "draft" || (status === "empty" && nowMs < finalizeMs);
    return isDraft ? invoice : { kind: "not-draft", status };
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
