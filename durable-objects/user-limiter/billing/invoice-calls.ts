/**
 * The control plane's side of an account's invoices. src/objects/invoices.ts documents the methods; ../account-object.ts says what all
 * changes of an account have in common. Their transactions include the entry for the register.
 */
import { formatMinor, minorToFemto, parseMoney, roundToMinor } from "../../../src/billing/money.ts";
import type { InvoiceDocument } from "../../../src/billing/invoice-document.ts";
import type { InvoiceStatus, NumberedEntry, RegisterEntry } from "../../../src/objects/billing-register.ts";
import type { Change } from "../../../src/objects/change.ts";
import type {
  Adjustment,
  CreditedAmount,
  Ending,
  InvoiceAnswer,
  InvoiceChangeAnswer,
  InvoiceRejection,
  InvoicesAnswer,
  InvoicesRpc,
  InvoiceView,
} from "../../../src/objects/invoices.ts";
import type { StripeReport } from "../../../src/objects/stripe.ts";
import { BOTH, NOTHING } from "../fence-scopes.ts";
import type { Memory } from "../memory.ts";
import type { BillingHost } from "./billing-calls.ts";
import type { Closing } from "./closing.ts";
import { digestsOf } from "./document-digests.ts";
import type { DraftRejection, Invoicing } from "./invoicing.ts";
import type { StoredCreditNote, StoredInvoice } from "./invoice-store.ts";
import { entryOf, noteEntryOf, openMinorOf } from "./register-entries.ts";
import { reportedParts } from "./register-parts.ts";

export interface InvoiceHost extends BillingHost {
  /** Does the steps of closing that are due. */
  closeDue(): Promise<void>;
}

/** What a change returns within its transaction: the id of the document to answer with, or why nothing was changed. */
type Changed = string | InvoiceRejection | { readonly kind: "no-invoice" };

const NUMBERED: ReadonlySet<InvoiceStatus> = new Set(["issued", "paid", "past_due", "uncollectible"]);
const UNPAID: ReadonlySet<InvoiceStatus> = new Set(["issued", "past_due", "uncollectible"]);

export class InvoiceCalls implements InvoicesRpc {
  readonly #host: InvoiceHost;

  constructor(host: InvoiceHost) {
    this.#host = host;
  }

  async invoices(beforeMs: number, count: number): Promise<InvoicesAnswer> {
    const closing = await this.#closing();
    if (closing === null) return this.#none({ kind: "invoices", invoices: [], next: null });
    const { invoicing } = closing;
    const found = invoicing.invoices.list(beforeMs, count + 1);
    const page = found.slice(0, count);
    const next = found.length > count ? (page.at(-1)?.periodMs ?? null) : null;
    return { kind: "invoices", invoices: page.map((invoice) => viewOf(invoicing, invoice)), next };
  }

  async invoice(id: string): Promise<InvoiceAnswer> {
    const closing = await this.#closing();
    return closing === null ? this.#none({ kind: "no-invoice" }) : answerOf(closing.invoicing, id);
  }

  adjustInvoice(
    id: string,
    lines: readonly Adjustment[],
    currency: string | null,
    by: Change,
  ): Promise<InvoiceChangeAnswer> {
    return this.#change(by, (invoicing, memory, nowMs) => {
      const before = invoicing.draftOf(id, nowMs);
      if ("kind" in before) return rejectionOf(before);
      const { document } = before;
      if (currency !== null && currency !== document.currency) {
        return { kind: "currency-differs", currency: document.currency };
      }
      const minors = lines.map(({ amount }) => wholeMinor(amount, document.exponent));
      const index = minors.indexOf(null);
      if (index >= 0) return { kind: "bad-amount", index, decimals: document.exponent };
      const extra = lines.map(({ description }, i) => ({
        kind: "adjustment" as const,
        description,
        minor: minors[i] ?? 0n,
      }));
      const after = invoicing.adjust(id, extra, nowMs);
      if ("kind" in after) return rejectionOf(after);
      memory.audit.note("invoice.adjust", by, totalsOf(before), { ...totalsOf(after), lines }, nowMs);
      return id;
    });
  }

  finalizeInvoice(id: string, by: Change): Promise<InvoiceChangeAnswer> {
    return this.#change(by, (invoicing, memory, nowMs) => {
      const draft = invoicing.draftOf(id, nowMs);
      if ("kind" in draft) return rejectionOf(draft);
      const final = invoicing.finalize(draft, nowMs);
      memory.audit.note("invoice.finalize", by, totalsOf(draft), totalsOf(final), nowMs);
      return id;
    });
  }

  creditInvoice(id: string, lines: readonly CreditedAmount[], by: Change): Promise<InvoiceChangeAnswer> {
    return this.#change(by, (invoicing, memory, nowMs) => {
      const invoice = invoicing.invoices.find(id);
      if (invoice === null) return { kind: "no-invoice" };
      if (!NUMBERED.has(invoice.status)) return { kind: "wrong-status", status: invoice.status };
      const { exponent } = invoice.document;
      const minors = lines.map(({ amount }) => wholeMinor(amount, exponent));
      const index = minors.findIndex((minor) => minor === null || minor < 0n);
      if (index >= 0) return { kind: "bad-amount", index, decimals: exponent };
      const credited = lines.map(({ line }, i) => ({ line, minor: minors[i] ?? 0n }));
      const made = invoicing.credit(invoice, credited, nowMs, by);
      if (made.kind === "too-many") return made;
      if (made.kind === "exceeds-uncredited") {
        const at = lines.findIndex(({ line }) => line === made.line);
        const left = formatMinor(made.uncreditedMinor, exponent);
        return { kind: "exceeds-uncredited", index: at, left };
      }
      const { id: noteId, totalMinor } = made.note.document;
      const after = { id: noteId, corrects: id, total: formatMinor(BigInt(totalMinor), exponent) };
      memory.audit.note("credit_note.create", by, null, after, nowMs);
      return noteId;
    });
  }

  payInvoice(id: string, by: Change): Promise<InvoiceChangeAnswer> {
    return this.#change(by, (invoicing, _memory, nowMs) => {
      const invoice = invoicing.invoices.find(id);
      if (invoice === null) return { kind: "no-invoice" };
      // A payment that is reported twice changes nothing the second time.
      if (invoice.status === "paid") return id;
      if (!UNPAID.has(invoice.status)) return { kind: "wrong-status", status: invoice.status };
      invoicing.change(invoice, { status: "paid", dueMs: null, paidMs: nowMs }, nowMs, by);
      return id;
    });
  }

  endInvoice(id: string, ending: Ending, by: Change): Promise<InvoiceChangeAnswer> {
    return this.#change(by, (invoicing, _memory, nowMs) => {
      const invoice = invoicing.invoices.find(id);
      if (invoice === null) return { kind: "no-invoice" };
      const { status } = invoice;
      if (status === ending) return id;
      // A draft has no number yet, so it is voided without one.
      const isDraft = ending === "void" && status === "draft";
      if (!isDraft && !UNPAID.has(status)) return { kind: "wrong-status", status };
      if (ending === "void") invoicing.voidInvoice(invoice, nowMs, by);
      else invoicing.change(invoice, { status: ending, dueMs: null }, nowMs, by);
      return id;
    });
  }

  sendToStripe(id: string, by: Change): Promise<InvoiceChangeAnswer> {
    return this.#change(by, ({ stripe, invoices }, memory, nowMs) => {
      const invoice = invoices.find(id);
      if (invoice === null) return { kind: "no-invoice" };
      if (!stripe.isOn) return { kind: "no-stripe" };
      const before = stripe.view(id);
      const { status, document } = invoice;
      // Nothing is to be paid of the others.
      const isSent = before !== null || (UNPAID.has(status) && document.dueMinor !== "0");
      if (!isSent) return { kind: "wrong-status", status };
      stripe.retry(invoice, nowMs);
      memory.audit.note("invoice.stripe_retry", by, before, stripe.view(id), nowMs);
      return id;
    });
  }

  async stripeReport(report: StripeReport): Promise<boolean> {
    const { store, changes } = this.#host;
    const { memory } = store;
    // An account that was never billed has no invoice, and must not get tables.
    if (!memory.hasTables || memory.closing === null) return false;
    const isKnown = changes.commit(
      ({ closing }, nowMs) => closing?.invoicing.stripe.reported(report, nowMs) ?? false,
    );
    if (isKnown) await store.publish();
    return isKnown;
  }

  async numberedDocuments(): Promise<NumberedEntry[]> {
    const { memory } = this.#host.store;
    if (!memory.hasTables || memory.closing === null) return [];
    const { invoices } = memory.closing.invoicing;
    const found: [RegisterEntry, InvoiceDocument][] = [];
    for (const invoice of invoices.list(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) {
      found.push([entryOf(invoice, invoices.notesOf(invoice.periodMs)), invoice.document]);
    }
    for (const note of invoices.allNotes()) found.push([noteEntryOf(note), note.document]);
    const entries: NumberedEntry[] = [];
    for (const [entry, document] of found) {
      const { number, issuedAt } = document;
      if (number === null || issuedAt === null) continue;
      const digests = await digestsOf(document);
      const parts = reportedParts(invoices, entry.id, entry.status);
      entries.push({ ...entry, number, issuedMs: Date.parse(issuedAt), digests, parts });
    }
    return entries;
  }

  /** Does what is due, then the change, once for each call. */
  async #change(
    by: Change,
    change: (invoicing: Invoicing, memory: Memory, nowMs: number) => Changed,
  ): Promise<InvoiceChangeAnswer> {
    const { changes, store } = this.#host;
    const before = await this.#closing();
    if (before === null) return this.#none({ kind: "no-invoice" });
    const wasOverdue = before.hasOverdue;
    const made = changes.tryOnce<Exclude<Changed, string>>(by, (memory, nowMs) => {
      const { closing } = memory;
      if (closing === null) throw new Error("the account is not billed");
      return change(closing.invoicing, memory, nowMs);
    });
    if (typeof made !== "string") return made;
    const { closing } = store.memory;
    // What isolates decide by themselves changes only with this.
    await changes.effective(closing?.hasOverdue === wasOverdue ? NOTHING : BOTH);
    return closing === null ? { kind: "no-invoice" } : answerOf(closing.invoicing, made);
  }

  /** Null: nothing was ever billed. */
  async #closing(): Promise<Closing | null> {
    await this.#host.closeDue();
    const { closing, billing, hasTables } = this.#host.store.memory;
    return hasTables && billing?.store.account ? closing : null;
  }

  #none<T>(answer: T): T | { kind: "absent" } {
    return this.#host.store.memory.accounts.user === null ? { kind: "absent" } : answer;
  }
}

function answerOf(invoicing: Invoicing, id: string): InvoiceAnswer {
  const { invoices } = invoicing;
  const invoice = invoices.find(id);
  if (invoice) return { kind: "invoice", invoice: viewOf(invoicing, invoice) };
  const note = invoices.findNote(id);
  return note ? { kind: "invoice", invoice: noteView(note) } : { kind: "no-invoice" };
}

function viewOf({ invoices, stripe }: Invoicing, invoice: StoredInvoice): InvoiceView {
  const { status, document, sha256, finalizeMs, paidMs, periodMs } = invoice;
  const notes = invoices.notesOf(periodMs);
  return {
    status,
    document,
    sha256,
    finalizeMs: status === "draft" ? finalizeMs : null,
    open: formatMinor(document.number === null ? 0n : openMinorOf(invoice, notes), document.exponent),
    paidMs,
    creditNotes: notes.map((note) => note.document.id),
    stripe: stripe.view(document.id),
  };
}

function noteView({ document, sha256 }: StoredCreditNote): InvoiceView {
  const status = document.number === null ? "pending" : "issued";
  const open = formatMinor(0n, document.exponent);
  return { status, document, sha256, finalizeMs: null, open, paidMs: null, creditNotes: [], stripe: null };
}

function rejectionOf(rejection: DraftRejection): InvoiceRejection | { readonly kind: "no-invoice" } {
  return rejection.kind === "not-draft" ? { kind: "wrong-status", status: rejection.status } : rejection;
}

function totalsOf({ status, document }: StoredInvoice): object {
  return { id: document.id, status, total: formatMinor(BigInt(document.totalMinor), document.exponent) };
}

/** An amount other than 0 in whole minor units; null if it is not one. */
function wholeMinor(amount: string, exponent: number): bigint | null {
  const femto = parseMoney(amount);
  if (femto === null || femto === 0n) return null;
  const minor = roundToMinor(femto, exponent);
  return minorToFemto(minor, exponent) === femto ? minor : null;
}
