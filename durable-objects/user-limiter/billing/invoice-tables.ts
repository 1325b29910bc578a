/**
 * The tables of an account's invoices and credit notes. A migration of the user's object (../schema.ts); docs/storage.md describes them.
 * Every isolate carries it, so its comments are here.
 *
 * `invoices`: one row for each closed period, so a period has one invoice at most. `document` is JSON of an InvoiceDocument, which never
 * changes once it has a number; `sha256` is of its bytes. `series`, `due_days` and `carry_below_minor` are what the policy said when the
 * period was closed. The draft may be adjusted until `finalize_ms`. `due_ms` is null if nothing is left to pay, or not yet.
 * `carried_to_ms` is the start of the period whose invoice has the amount of this one, which was too small. In `credit_notes`,
 * `period_ms` is that of the invoice which the note corrects.
 */
export const INVOICE_TABLES = `
CREATE TABLE invoices (
  period_ms INTEGER PRIMARY KEY,
  invoice_id TEXT NOT NULL,
  status TEXT NOT NULL,
  document TEXT NOT NULL,
  series TEXT NOT NULL,
  due_days INTEGER NOT NULL,
  carry_below_minor TEXT NOT NULL,
  finalize_ms INTEGER NOT NULL,
  number TEXT,
  sha256 TEXT,
  due_ms INTEGER,
  paid_ms INTEGER,
  carried_to_ms INTEGER,
  version INTEGER NOT NULL
);
CREATE TABLE credit_notes (
  note_id TEXT PRIMARY KEY,
  period_ms INTEGER NOT NULL,
  document TEXT NOT NULL,
  series TEXT NOT NULL,
  number TEXT,
  sha256 TEXT,
  version INTEGER NOT NULL
) WITHOUT ROWID;
`;
