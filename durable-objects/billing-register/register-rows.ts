/** The tables of a register, and their rows as values. docs/storage.md describes them. */
import * as z from "zod/mini";
import { DOCUMENT_KINDS } from "../../src/billing/invoice-document.ts";
import { INVOICE_STATUSES, type RegisteredDocument } from "../../src/objects/billing-register.ts";
import type { Migration } from "../migrations.ts";
import { numberOf } from "./document-number.ts";

export const MIGRATIONS: readonly Migration[] = [
  `
  CREATE TABLE documents (
    -- 0, and one more for each rebuild that found numbers missing: each epoch is a series of its own to an auditor.
    epoch INTEGER NOT NULL,
    n INTEGER NOT NULL,
    document_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    user TEXT NOT NULL,
    period_start_ms INTEGER NOT NULL,
    period_end_ms INTEGER NOT NULL,
    currency TEXT NOT NULL,
    exponent INTEGER NOT NULL,
    total_minor TEXT NOT NULL,
    open_minor TEXT NOT NULL,
    status TEXT NOT NULL,
    issued_ms INTEGER NOT NULL,
    due_ms INTEGER,
    version INTEGER NOT NULL,
    PRIMARY KEY (epoch, n)
  ) WITHOUT ROWID;
  CREATE INDEX documents_of_status ON documents (status, epoch, n);
  -- One row from the first document on.
  CREATE TABLE register (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    series TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    rebuilding INTEGER NOT NULL,
    conflicts INTEGER NOT NULL
  );
  -- Of the object that knows all series.
  CREATE TABLE all_series (series TEXT PRIMARY KEY, currency TEXT NOT NULL) WITHOUT ROWID;
  `,
  // The last number of the epoch that a rebuild began with: it may be of a document that no object has any more.
  "ALTER TABLE register ADD COLUMN last_n INTEGER NOT NULL DEFAULT 0",
  // Of the document without number and dates; null for those of older Workers. The fields' digests are JSON, by their names.
  `
  ALTER TABLE documents ADD COLUMN sha256 TEXT;
  ALTER TABLE documents ADD COLUMN field_digests TEXT;
  `,
  // What tiers and routes add to the subtotal, as JSON: [[tier, route, minor], …]. Null for documents of older Workers.
  "ALTER TABLE documents ADD COLUMN parts TEXT",
];

export const documentRow = z.object({
  epoch: z.int(),
  n: z.int(),
  document_id: z.string(),
  kind: z.enum(DOCUMENT_KINDS),
  user: z.string(),
  period_start_ms: z.number(),
  period_end_ms: z.number(),
  currency: z.string(),
  exponent: z.int(),
  total_minor: z.string(),
  open_minor: z.string(),
  status: z.enum(INVOICE_STATUSES),
  issued_ms: z.number(),
  due_ms: z.nullable(z.number()),
  version: z.int(),
  sha256: z.nullable(z.string()),
  field_digests: z.nullable(z.string()),
});
export type DocumentRow = z.infer<typeof documentRow>;

export const registerRow = z.object({
  series: z.string(),
  epoch: z.int(),
  rebuilding: z.int(),
  conflicts: z.int(),
  last_n: z.int(),
});
export type RegisterRow = z.infer<typeof registerRow>;

/** @param series name of the register. */
export function toDocument(series: string, row: DocumentRow): RegisteredDocument {
  return {
    number: numberOf(series, row.epoch, row.n),
    kind: row.kind,
    id: row.document_id,
    user: row.user,
    periodStartMs: row.period_start_ms,
    periodEndMs: row.period_end_ms,
    currency: row.currency,
    exponent: row.exponent,
    totalMinor: row.total_minor,
    openMinor: row.open_minor,
    status: row.status,
    issuedMs: row.issued_ms,
    dueMs: row.due_ms,
  };
}
