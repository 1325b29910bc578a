/** The rows of an account's invoices and credit notes as values. Read when they are needed: no decision reads them. */
import * as z from "zod/mini";
import type { InvoiceDocument } from "../../../src/billing/invoice-document.ts";
import { INVOICE_STATUSES, type InvoiceStatus } from "../../../src/objects/billing-register.ts";
import { readDocument, writeDocument } from "../../../src/objects/invoice.ts";
import type { AccountEvents } from "../../events/account-events.ts";
import { documentData, invoiceEvent } from "./document-events.ts";

export interface StoredInvoice {
  /** Start of its period. */
  readonly periodMs: number;
  readonly status: InvoiceStatus;
  readonly document: InvoiceDocument;
  readonly series: string;
  readonly dueDays: number;
  readonly carryBelowMinor: bigint;
  /** Until when the draft may be adjusted. */
  readonly finalizeMs: number;
  readonly sha256: string | null;
  /** Null: not issued yet, or nothing is left to pay. */
  readonly dueMs: number | null;
  readonly paidMs: number | null;
  readonly carriedToMs: number | null;
  /** Grows with each change. */
  readonly version: number;
}

export interface StoredCreditNote {
  readonly periodMs: number;
  readonly document: InvoiceDocument;
  readonly series: string;
  readonly sha256: string | null;
  readonly version: number;
}

const ms = z.number();

const invoiceRow = z.object({
  period_ms: ms,
  status: z.enum(INVOICE_STATUSES),
  document: z.string(),
  series: z.string(),
  due_days: z.int(),
  carry_below_minor: z.string().check(z.regex(/^\d{1,40}$/)),
  finalize_ms: ms,
  sha256: z.nullable(z.string()),
  due_ms: z.nullable(ms),
  paid_ms: z.nullable(ms),
  carried_to_ms: z.nullable(ms),
  version: z.int(),
});

const noteRow = z.object({
  period_ms: ms,
  document: z.string(),
  series: z.string(),
  sha256: z.nullable(z.string()),
  version: z.int(),
});

const dueRow = z.object({ due_ms: z.nullable(ms), overdue: z.nullable(z.int()) });

/** What waits for a moment. */
export interface InvoicesDue {
  /** When the next draft becomes final, or the next invoice past due. */
  readonly dueMs: number;
  readonly hasOverdue: boolean;
}

export class InvoiceStore {
  readonly #sql: SqlStorage;
  readonly #events: () => AccountEvents | null;
  #due: InvoicesDue | null = null;

  /** @param events what queues the account's events; null: the policy reports none. */
  constructor(sql: SqlStorage, events: () => AccountEvents | null = () => null) {
    this.#sql = sql;
    this.#events = events;
  }

  /** Read once, and again after a change. */
  get due(): InvoicesDue {
    return (this.#due ??= this.#readDue());
  }

  /** Whether any document has a number. */
  get hasNumbers(): boolean {
    return this.#sql.exec("SELECT 1 FROM invoices WHERE number IS NOT NULL LIMIT 1").toArray().length > 0;
  }

  /** Newest period first; at most `count` before the period that began at `beforeMs`. */
  list(beforeMs: number, count: number): StoredInvoice[] {
    return this.#invoices("WHERE period_ms < ? ORDER BY period_ms DESC LIMIT ?", beforeMs, count);
  }

  find(id: string): StoredInvoice | null {
    return this.#invoices("WHERE invoice_id = ?", id)[0] ?? null;
  }

  /** The invoice of the period that began then. */
  at(periodMs: number): StoredInvoice | null {
    return this.#invoices("WHERE period_ms = ?", periodMs)[0] ?? null;
  }

  /** Oldest first. */
  withStatus(status: InvoiceStatus): StoredInvoice[] {
    return this.#invoices("WHERE status = ? ORDER BY period_ms", status);
  }

  /** Those whose amount no later invoice has yet, oldest first. */
  uncarried(): StoredInvoice[] {
    return this.#invoices("WHERE status = 'carried' AND carried_to_ms IS NULL ORDER BY period_ms");
  }

  /** Those whose amount the invoice of this period has. */
  carriedTo(periodMs: number): StoredInvoice[] {
    return this.#invoices("WHERE carried_to_ms = ? ORDER BY period_ms", periodMs);
  }

  /** Stores an invoice, and reports its new status as an event. */
  put(invoice: StoredInvoice): void {
    const { document } = invoice;
    this.#report(invoice);
    this.#sql.exec(
      `INSERT OR REPLACE INTO invoices (period_ms, invoice_id, status, document, series, due_days, carry_below_minor,
         finalize_ms, number, sha256, due_ms, paid_ms, carried_to_ms, version)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      invoice.periodMs,
      document.id,
      invoice.status,
      writeDocument(document),
      invoice.series,
      invoice.dueDays,
      String(invoice.carryBelowMinor),
      invoice.finalizeMs,
      document.number,
      invoice.sha256,
      invoice.dueMs,
      invoice.paidMs,
      invoice.carriedToMs,
      invoice.version,
    );
    this.#due = null;
  }

  /** Stores a change as the next version. */
  putNext(invoice: StoredInvoice): StoredInvoice {
    const changed = { ...invoice, version: invoice.version + 1 };
    this.put(changed);
    return changed;
  }

  /** Credit notes of the invoice of this period, oldest first. */
  notesOf(periodMs: number): StoredCreditNote[] {
    return this.#notes("WHERE period_ms = ? ORDER BY note_id", periodMs);
  }

  findNote(id: string): StoredCreditNote | null {
    return this.#notes("WHERE note_id = ?", id)[0] ?? null;
  }

  allNotes(): StoredCreditNote[] {
    return this.#notes("ORDER BY note_id");
  }

  /** Stores a credit note, and reports its number as an event. */
  putNote({ periodMs, document, series, sha256, version }: StoredCreditNote): void {
    const isIssued = document.number !== null && this.findNote(document.id)?.document.number === null;
    if (isIssued) {
      this.#events()?.put(
        "credit_note.issued",
        documentData(document, { dueMs: null, status: null }),
        Date.now(),
      );
    }
    this.#sql.exec(
      `INSERT OR REPLACE INTO credit_notes (note_id, period_ms, document, series, number, sha256, version)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      document.id,
      periodMs,
      writeDocument(document),
      series,
      document.number,
      sha256,
      version,
    );
  }

  /** Whether an invoice of a period before this moment, or a credit note of one, may still get a number. */
  hasUnnumbered(beforeMs: number, nowMs: number): boolean {
    const invoices = `SELECT 1 FROM invoices WHERE period_ms < ?1
      AND (status IN ('draft', 'pending') OR status = 'empty' AND finalize_ms > ?2)`;
    const notes = "SELECT 1 FROM credit_notes WHERE period_ms < ?1 AND number IS NULL";
    return this.#sql.exec(`${invoices} UNION ALL ${notes} LIMIT 1`, beforeMs, nowMs).toArray().length > 0;
  }

  /** Erases the customer and what operators wrote from invoices that will never get a number. */
  eraseUnnumbered(nowMs: number): void {
    const ended = this.#invoices(
      "WHERE number IS NULL AND (status IN ('carried', 'void') OR status = 'empty' AND finalize_ms <= ?)",
      nowMs,
    );
    for (const invoice of ended) {
      const { document } = invoice;
      const lines = document.lines.map((line) =>
        line.kind === "adjustment" ? { ...line, description: "" } : line,
      );
      this.put({ ...invoice, document: { ...document, customer: {}, lines } });
    }
  }

  #report({ periodMs, document, status, dueMs }: StoredInvoice): void {
    const events = this.#events();
    if (events === null) return;
    const [before] = this.#invoices("WHERE period_ms = ?", periodMs);
    const kind = invoiceEvent(before?.status ?? null, status);
    if (kind !== null) events.put(kind, documentData(document, { dueMs, status }), Date.now());
  }

  #readDue(): InvoicesDue {
    const found = this.#sql
      .exec(
        `SELECT min(CASE status WHEN 'draft' THEN finalize_ms WHEN 'issued' THEN due_ms END) AS due_ms,
           max(status = 'past_due') AS overdue FROM invoices`,
      )
      .one();
    const { due_ms: dueMs, overdue } = dueRow.parse(found);
    return { dueMs: dueMs ?? Infinity, hasOverdue: overdue === 1 };
  }

  #invoices(where: string, ...bindings: SqlStorageValue[]): StoredInvoice[] {
    return this.#sql
      .exec(`SELECT * FROM invoices ${where}`, ...bindings)
      .toArray()
      .map((row) => toInvoice(invoiceRow.parse(row)));
  }

  #notes(where: string, ...bindings: SqlStorageValue[]): StoredCreditNote[] {
    return this.#sql
      .exec(`SELECT * FROM credit_notes ${where}`, ...bindings)
      .toArray()
      .map((row) => toNote(noteRow.parse(row)));
  }
}

function toInvoice(row: z.infer<typeof invoiceRow>): StoredInvoice {
  return {
    periodMs: row.period_ms,
    status: row.status,
    document: readDocument(row.document),
    series: row.series,
    dueDays: row.due_days,
    carryBelowMinor: BigInt(row.carry_below_minor),
    finalizeMs: row.finalize_ms,
    sha256: row.sha256,
    dueMs: row.due_ms,
    paidMs: row.paid_ms,
    carriedToMs: row.carried_to_ms,
    version: row.version,
  };
}

function toNote(row: z.infer<typeof noteRow>): StoredCreditNote {
  return {
    periodMs: row.period_ms,
    document: readDocument(row.document),
    series: row.series,
    sha256: row.sha256,
    version: row.version,
  };
}
