/**
 * Closing an account's billing periods: draft, review, number, payment, each at its time. docs/billing.md describes the steps.
 *
 * Each step is one transaction, so a crash leaves the state before or after it, and the step is due again. Nothing here runs per
 * decision but a comparison ({@link Closing.dueMs}).
 */
import { lastSegment } from "../../../src/billing/billed-period.ts";
import { type CreditNote, creditNote, type CreditedLine } from "../../../src/billing/credit-note.ts";
import {
  creditableOf,
  creditNoteOf,
  draftCreditNote,
  draftInvoice,
  type ExtraLine,
  type InvoiceDocument,
  issued,
  sourceOf,
} from "../../../src/billing/invoice-document.ts";
import { formatMinor } from "../../../src/billing/money.ts";
import { HOUR_MS } from "../../../src/core/time.ts";
import { writeDocument } from "../../../src/objects/invoice.ts";
import { DOCUMENTS_MARK_PREFIX, type InvoiceStatus } from "../../../src/objects/billing-register.ts";
import type { Change } from "../../../src/objects/change.ts";
import type { Outbox } from "../../outbox.ts";
import type { AccountStore } from "../account-store.ts";
import type { AuditTrail } from "../audit-trail.ts";
import { type ClosingRules, finalizeAtMs, invoiceId } from "./closing-rules.ts";
import type { BillingDesk } from "./billing-desk.ts";
import type { UnclosedPeriod } from "./billing-store.ts";
import { invoiceSource } from "./invoice-source.ts";
import type { InvoiceStore, StoredCreditNote, StoredInvoice } from "./invoice-store.ts";
import { acceptedSchema, entryOf, noteEntryOf, openMinorOf } from "./register-entries.ts";
import { parseJson } from "../../../src/json.ts";

/** A period is closed this long after its end: then all its hours are frozen. */
const CLOSE_DELAY_MS = 2 * HOUR_MS;

/** Bounds an invoice: each line is rated and shown. */
export const MAX_ADJUSTMENTS = 100;

/** Bounds the work of a credit note, which reads all earlier ones. */
export const MAX_CREDIT_NOTES = 100;

/** Who does what is due, in the audit trail. */
const AUTOMATIC = { actor: "billing", reason: "due" };

/** The lane of the register, in the outbox. */
export const REGISTER_LANE = "register";

export interface ClosingParts {
  readonly desk: BillingDesk;
  readonly invoices: InvoiceStore;
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
  /** The lines would come to less than nothing. */
  | { readonly kind: "negative"; readonly subtotal: string };

export class Closing {
  readonly #parts: ClosingParts;
  /** Periods that have ended and are not closed, oldest first, while the open period is this one. Null: to be read. */
  #unclosed: { readonly openMs: number | null; readonly periods: readonly UnclosedPeriod[] } | null = null;

  constructor(parts: ClosingParts) {
    this.#parts = parts;
  }

  get invoices(): InvoiceStore {
    return this.#parts.invoices;
  }

  /** When the next step is due; Infinity: nothing is billed. Of the open period, when it will be closed. */
  get dueMs(): number {
    const { store } = this.#parts.desk;
    if (store.account === null) return Infinity;
    const open = store.period;
    const openMs = open ? open.period.endMs + CLOSE_DELAY_MS : Infinity;
    const [next] = this.#ended();
    return Math.min(openMs, next ? closeAtMs(next) : Infinity, this.invoices.due.dueMs);
  }

  /** Whether an invoice is past due. */
  get hasOverdue(): boolean {
    return this.#parts.desk.store.account !== null && this.invoices.due.hasOverdue;
  }

  /** The policy's revision that the last segment was rated by of what is due to be closed; null: nothing is. */
  dueRevision(nowMs: number): number | null {
    const due = this.#due(nowMs).at(-1);
    return due ? lastSegment(this.#parts.desk.store.at(due.startMs)).revision : null;
  }

  /**
   * Does what is due. Call in a transaction, after the desk has advanced to `nowMs` and late leases are settled.
   * @param rules null only if no period is due to be closed ({@link dueRevision}).
   * @returns whether it changed anything.
   */
  run(rules: ClosingRules | null, nowMs: number): boolean {
    const due = this.#due(nowMs);
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
    this.#returnCredits(draft.document);
    const credits = this.#parts.desk.store.credits.filter(
      ({ currency }) => currency === draft.document.currency,
    );
    const again = draftInvoice({ ...sourceOf(draft.document), extraLines, credits });
    if (again.kind === "negative") {
      this.#takeCredits(draft.document);
      return { kind: "negative", subtotal: formatMinor(again.subtotalMinor, draft.document.exponent) };
    }
    this.#takeCredits(again.document);
    return this.#put({ ...draft, status: "draft", document: again.document });
  }

  /** Makes a draft final: it gets its number, or is too small for one. Call in a transaction. */
  finalize(draft: StoredInvoice, nowMs: number): StoredInvoice {
    const { document, carryBelowMinor } = draft;
    const totalMinor = BigInt(document.totalMinor);
    if (totalMinor === 0n) return this.#put({ ...draft, status: "empty" });
    // Without an open period of its currency there is no next invoice to carry it to.
    const hasNext = this.#parts.desk.store.period?.currency === document.currency;
    const isCarried = totalMinor < carryBelowMinor && hasNext;
    if (isCarried) {
      this.#returnCredits(document);
      return this.#put({ ...draft, status: "carried" });
    }
    return this.#enter(this.#put({ ...draft, status: "pending" }), nowMs);
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
    const changed = this.#put({ ...invoice, ...change });
    const [before, after] = [invoice, changed].map(settingsOf);
    this.#parts.audit.note(`invoice.${changed.status}`, by, before ?? null, after ?? null, nowMs);
    return invoice.document.number === null ? changed : this.#enter(changed, nowMs);
  }

  /** Cancels an invoice: its credits are given back, and amounts carried to it are carried to the next one. Call in a transaction. */
  cancel(invoice: StoredInvoice, nowMs: number, by: Change): StoredInvoice {
    this.#returnCredits(invoice.document);
    for (const carried of this.invoices.carriedTo(invoice.periodMs)) {
      this.#put({ ...carried, carriedToMs: null });
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
    this.#queue(id, JSON.stringify(noteEntryOf(note)), note.version, nowMs);
    // If nothing is left to pay, the invoice is settled.
    const isOpen = openMinorOf(invoice, [...notes, note]) > 0n;
    const isUnpaid = invoice.status === "issued" || invoice.status === "past_due";
    const changed =
      isUnpaid && !isOpen
        ? this.change(invoice, { status: "paid", dueMs: null, paidMs: nowMs }, nowMs, by)
        : this.#enter(this.#put(invoice), nowMs);
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

  /** Stores what the register has answered. Call in the transaction that deletes its entry. Safe to repeat. */
  accept(id: string, answer: string, nowMs: number): void {
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
    const { number, issuedMs, sha256 } = accepted;
    const done = { sha256, number };
    if (note?.document.number === null) {
      const document = issued(note.document, number, issuedMs, null);
      this.invoices.putNote({ ...note, document, sha256, version: note.version + 1 });
      this.#parts.audit.note("credit_note.issued", AUTOMATIC, null, { id, ...done }, nowMs);
    }
    if (invoice?.document.number === null) {
      const document = issued(invoice.document, number, issuedMs, invoice.dueDays);
      const isPaid = document.dueMinor === "0";
      const dueMs = isPaid || document.dueAt === null ? null : Date.parse(document.dueAt);
      const paidMs = isPaid ? issuedMs : null;
      this.#put({ ...invoice, status: isPaid ? "paid" : "issued", document, sha256, dueMs, paidMs });
      this.#parts.audit.note("invoice.issued", AUTOMATIC, null, { id, ...done }, nowMs);
    }
  }

  /** What is due to be closed, oldest first. A period that ended early waits for those before it: credits pay their invoices first. */
  #due(nowMs: number): readonly UnclosedPeriod[] {
    if (this.#parts.desk.store.account === null) return [];
    const ended = this.#ended();
    const waiting = ended.findIndex((unclosed) => nowMs < closeAtMs(unclosed));
    return waiting === -1 ? ended : ended.slice(0, waiting);
  }

  #ended(): readonly UnclosedPeriod[] {
    const { store } = this.#parts.desk;
    const openMs = store.account?.periodMs ?? null;
    if (this.#unclosed?.openMs !== openMs) this.#unclosed = { openMs, periods: store.unclosed() };
    return this.#unclosed.periods;
  }

  /** Drafts the invoice of a period. */
  #close(unclosed: UnclosedPeriod, rules: ClosingRules, nowMs: number): void {
    const { desk, accounts } = this.#parts;
    const { startMs } = unclosed;
    const billed = desk.store.at(startMs);
    const { account } = desk.store;
    const user = accounts.user;
    if (account === null || user === null) throw new Error("a period without an account");
    // The hours of the period are frozen from here on, even if the clock steps back.
    desk.putAccount(account, nowMs);
    const carried = this.invoices.uncarried().filter(({ document }) => document.currency === billed.currency);
    const draft = draftInvoice(
      invoiceSource(desk, billed, rules, invoiceId(user, startMs), user, carried.map(carriedLine)),
    );
    if (draft.kind === "negative") throw new RangeError("rated lines are never negative");
    const { document } = draft;
    this.#takeCredits(document);
    for (const invoice of carried) this.#put({ ...invoice, carriedToMs: startMs });
    this.invoices.put({
      periodMs: startMs,
      status: document.totalMinor === "0" ? "empty" : "draft",
      document,
      series: rules.series,
      dueDays: rules.dueDays,
      carryBelowMinor: rules.carryBelowMinor(document.exponent),
      finalizeMs: finalizeAtMs(Math.max(nowMs, closeAtMs(unclosed)), rules, user),
      sha256: null,
      dueMs: null,
      paidMs: null,
      carriedToMs: null,
      version: 1,
    });
    this.#unclosed = null;
  }

  /** An empty invoice may get adjustments for as long as a draft. */
  #draft(id: string, nowMs: number): StoredInvoice | DraftRejection {
    const invoice = this.invoices.find(id);
    if (invoice === null) return { kind: "no-invoice" };
    const { status, finalizeMs } = invoice;
    const isDraft = status === "draft" || (status === "empty" && nowMs < finalizeMs);
    return isDraft ? invoice : { kind: "not-draft", status };
  }

  #put(invoice: StoredInvoice): StoredInvoice {
    const changed = { ...invoice, version: invoice.version + 1 };
    this.invoices.put(changed);
    return changed;
  }

  /** Tells the register of an invoice: for its number, or of its status. */
  #enter(invoice: StoredInvoice, nowMs: number): StoredInvoice {
    const notes = this.invoices.notesOf(invoice.periodMs);
    const entry = JSON.stringify(entryOf(invoice, notes));
    this.#queue(invoice.document.id, entry, invoice.version, nowMs);
    return invoice;
  }

  #queue(name: string, value: string, version: number, nowMs: number): void {
    const { outbox, accounts } = this.#parts;
    const mark = `${DOCUMENTS_MARK_PREFIX}${accounts.user ?? ""}`;
    if (!this.invoices.hasNumbers) outbox.put({ lane: "kv", name: mark, value: "1", version: 1 }, nowMs);
    outbox.put({ lane: REGISTER_LANE, name, value, version }, nowMs);
  }

  #byId(id: string): { readonly document: InvoiceDocument; readonly dueDays: number | null } {
    const found = this.invoices.find(id);
    if (found) return found;
    const note = this.invoices.findNote(id);
    if (note === null) throw new Error(`the account has no document ${id}`);
    return { document: note.document, dueDays: null };
  }

  #takeCredits({ credits }: InvoiceDocument): void {
    this.#addToCredits(credits.map(({ id, minor }) => [id, -BigInt(minor)]));
  }

  #returnCredits({ credits }: InvoiceDocument): void {
    this.#addToCredits(credits.map(({ id, minor }) => [id, BigInt(minor)]));
  }

  #addToCredits(changes: readonly (readonly [id: string, minor: bigint])[]): void {
    const { store } = this.#parts.desk;
    for (const [id, minor] of changes) {
      const credit = store.credits.find((one) => one.id === id);
      if (!credit) throw new Error(`the credit ${id} is gone`);
      store.setLeft(id, credit.leftMinor + minor);
    }
    if (changes.length > 0) this.#parts.desk.recheck();
  }
}

/** When a period that has ended is closed: at once if it ended early, with the usage that it had then. */
function closeAtMs({ endMs, isEarly }: UnclosedPeriod): number {
  return isEarly ? endMs : endMs + CLOSE_DELAY_MS;
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

function settingsOf({ document, status }: StoredInvoice): object {
  return { id: document.id, number: document.number, status };
}
