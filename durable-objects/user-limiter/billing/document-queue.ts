/** Queues what an account's object tells the register, in the outbox: each invoice and credit note, for its number, or with its status. */
import { DOCUMENTS_MARK_PREFIX, type RegisterEntry } from "../../../src/objects/billing-register.ts";
import type { Outbox } from "../../outbox.ts";
import type { AccountStore } from "../account-store.ts";
import type { InvoiceStore, StoredCreditNote, StoredInvoice } from "./invoice-store.ts";
import { entryOf, noteEntryOf } from "./register-entries.ts";

/** The lane of the register, in the outbox. */
const LANE = "register";

export interface QueueParts {
  readonly invoices: InvoiceStore;
  readonly accounts: AccountStore;
  readonly outbox: Outbox;
}

/** Call in the transaction that stores the document. */
export class DocumentQueue {
  readonly #parts: QueueParts;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  put(invoice: StoredInvoice, nowMs: number): StoredInvoice {
    this.#put(entryOf(invoice, this.#parts.invoices.notesOf(invoice.periodMs)), nowMs);
    return invoice;
  }

  putNote(note: StoredCreditNote, nowMs: number): void {
    this.#put(noteEntryOf(note), nowMs);
  }

  #put(entry: RegisterEntry, nowMs: number): void {
    const { outbox, accounts, invoices } = this.#parts;
    const mark = `${DOCUMENTS_MARK_PREFIX}${accounts.user ?? ""}`;
    if (!invoices.hasNumbers) outbox.put({ lane: "kv", name: mark, value: "1", version: 1 }, nowMs);
    const { id: name, version } = entry;
    outbox.put({ lane: LANE, name, value: JSON.stringify(entry), version }, nowMs);
  }
}
