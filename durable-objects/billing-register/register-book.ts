/**
 * The documents of one series: numbered without gaps and without duplicates, whatever crashes. In the module that is loaded on first use.
 *
 * Documents arrive at least once and in any order, from the outboxes of the accounts' objects. The first delivery of an id takes the next
 * number and a date that is not before the last one's; every other reads them. The objects have the documents; this is a list of them, and
 * can be rebuilt (src/api/billing/rebuild.ts). One more object of the class knows all series, so that all have one currency.
 */
import * as z from "zod/mini";
import { DOCUMENT_KINDS } from "../../src/billing/invoice-document.ts";
import { DAY_MS } from "../../src/core/time.ts";
import { withDeadline } from "../../src/deadline.ts";
import {
  INVOICE_STATUSES,
  type NumberedEntry,
  overviewOf,
  type RebuiltSeries,
  type RegisterAnswer,
  type RegisteredDocument,
  type RegisterEntry,
  type RegisterFilter,
  type RegisterNamespace,
  type RegisterOverview,
  type RegisterPage,
  type RegisterPosition,
  seriesName,
} from "../../src/objects/billing-register.ts";
import { migrate, type Migration, schemaVersion } from "../migrations.ts";
import { differingFields, digestColumns } from "./compare-documents.ts";

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
];

const DEADLINE_MS = 2_000;

const documentRow = z.object({
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
type DocumentRow = z.infer<typeof documentRow>;

const registerRow = z.object({
  series: z.string(),
  epoch: z.int(),
  rebuilding: z.int(),
  conflicts: z.int(),
  last_n: z.int(),
});
type RegisterRow = z.infer<typeof registerRow>;

export class RegisterBook {
  readonly #storage: DurableObjectStorage;
  readonly #namespace: RegisterNamespace;

  constructor(storage: DurableObjectStorage, namespace: RegisterNamespace) {
    this.#storage = storage;
    this.#namespace = namespace;
  }

  async put(entry: RegisterEntry): Promise<RegisterAnswer> {
    const currency = await this.#begin(entry);
    if (currency !== entry.currency) return { kind: "currency-differs", currency };
    return this.#storage.transactionSync(() => this.#put(entry));
  }

  list(
    { status, user = null, fromMs = null, toMs = null }: RegisterFilter,
    after: RegisterPosition | null,
    count: number,
  ): RegisterPage {
    const state = this.#state();
    if (state === null) return { documents: [], next: null };
    const { epoch, n } = after ?? { epoch: Number.MAX_SAFE_INTEGER, n: 0 };
    const rows = this.#storage.sql
      .exec(
        `SELECT * FROM documents WHERE (?1 IS NULL OR status = ?1) AND (epoch, n) < (?2, ?3)
           AND (?5 IS NULL OR user = ?5) AND (?6 IS NULL OR period_start_ms >= ?6) AND (?7 IS NULL OR period_start_ms < ?7)
         ORDER BY epoch DESC, n DESC LIMIT ?4`,
        status,
        epoch,
        n,
        count + 1,
        user,
        fromMs,
        toMs,
      )
      .toArray()
      .map((row) => documentRow.parse(row));
    const page = rows.slice(0, count);
    const last = page.at(-1);
    return {
      documents: page.map((row) => toDocument(state.series, row)),
      next: last && rows.length > count ? { epoch: last.epoch, n: last.n } : null,
    };
  }

  beginRebuild(name: string): void {
    this.#storage.transactionSync(() => {
      const { sql } = this.#storage;
      this.#open(name, 1);
      sql.exec(
        `UPDATE register SET rebuilding = 1, conflicts = 0,
           last_n = max(last_n, (SELECT coalesce(max(n), 0) FROM documents WHERE documents.epoch = register.epoch))`,
      );
      sql.exec("DELETE FROM documents");
    });
  }

  async restore(entries: readonly NumberedEntry[]): Promise<void> {
    for (const entry of entries) {
      const currency = await this.#begin(entry);
      if (currency !== entry.currency) throw new Error(`${entry.id} is in another currency than ${currency}`);
      this.#storage.transactionSync(() => this.#restore(entry));
    }
  }

  finishRebuild(): RebuiltSeries | null {
    const state = this.#state();
    if (state === null) return null;
    return this.#storage.transactionSync(() => {
      const { sql } = this.#storage;
      const epochs = sql
        .exec<{ epoch: number; last: number; count: number }>(
          "SELECT epoch, max(n) AS last, count(*) AS count FROM documents GROUP BY epoch",
        )
        .toArray();
      const newest = Math.max(state.epoch, ...epochs.map(({ epoch }) => epoch));
      const missingIn = (epoch: number): number => {
        const { last, count } = epochs.find((one) => one.epoch === epoch) ?? { last: 0, count: 0 };
        return Math.max(last, epoch === state.epoch ? state.last_n : 0) - count;
      };
      // Earlier epochs have ended: their gaps are known.
      const isBroken = missingIn(newest) > 0 || state.conflicts > 0;
      const epoch = state.rebuilding && isBroken ? newest + 1 : newest;
      sql.exec(
        "UPDATE register SET rebuilding = 0, epoch = ?1, last_n = CASE epoch WHEN ?1 THEN last_n ELSE 0 END",
        epoch,
      );
      return {
        series: state.series,
        documents: epochs.reduce((sum, { count }) => sum + count, 0),
        missing: missingIn(newest),
        conflicts: state.conflicts,
        prefix: prefixOf(state.series, epoch),
      };
    });
  }

  announce(series: string, currency: string): string {
    migrate(this.#storage, MIGRATIONS);
    const { sql } = this.#storage;
    const [first] = sql.exec<{ currency: string }>("SELECT currency FROM all_series LIMIT 1").toArray();
    const common = first?.currency ?? currency;
    if (common === currency) sql.exec("INSERT OR IGNORE INTO all_series VALUES (?, ?)", series, currency);
    return common;
  }

  overview(): RegisterOverview {
    if (schemaVersion(this.#storage) === 0) return { series: [], currency: null };
    migrate(this.#storage, MIGRATIONS);
    const rows = this.#storage.sql
      .exec<{ series: string; currency: string }>("SELECT * FROM all_series ORDER BY series")
      .toArray();
    return { series: rows.map(({ series }) => series), currency: rows[0]?.currency ?? null };
  }

  /** Null before the first document. */
  #state(): RegisterRow | null {
    if (schemaVersion(this.#storage) === 0) return null;
    migrate(this.#storage, MIGRATIONS);
    const [row] = this.#storage.sql.exec("SELECT * FROM register").toArray();
    return row ? registerRow.parse(row) : null;
  }

  /**
   * Before the first document, announces the series: if two of different currencies come first at the same time, one is rejected.
   * @returns the currency of all documents.
   */
  async #begin({ series, kind, currency }: RegisterEntry): Promise<string> {
    const name = seriesName(series, kind);
    const known = this.#currency();
    if (known !== null) return known;
    const overview = overviewOf(this.#namespace);
    const common: string = await withDeadline(overview.announce(name, currency), DEADLINE_MS, "register");
    if (common === currency) this.#storage.transactionSync(() => this.#open(name, 0));
    return common;
  }

  /** Creates the row of the register's state. Changes nothing if there is one. */
  #open(name: string, rebuilding: number): void {
    migrate(this.#storage, MIGRATIONS);
    this.#storage.sql.exec(
      "INSERT OR IGNORE INTO register (id, series, epoch, rebuilding, conflicts) VALUES (1, ?, 0, ?, 0)",
      name,
      rebuilding,
    );
  }

  /** The currency of the documents; null if there are none. */
  #currency(): string | null {
    if (this.#state() === null) return null;
    const [first] = this.#storage.sql
      .exec<{ currency: string }>("SELECT currency FROM documents LIMIT 1")
      .toArray();
    return first?.currency ?? null;
  }

  #put(entry: RegisterEntry): RegisterAnswer {
    const state = this.#state();
    if (state === null) throw new Error("the register has not begun");
    const known = this.#find(entry.id);
    if (known) return this.#update(state, known, entry);
    if (state.rebuilding === 1) return { kind: "rebuilding" };
    const [last] = this.#storage.sql
      .exec<{ epoch: number; n: number; issued_ms: number }>(
        "SELECT epoch, n, issued_ms FROM documents ORDER BY epoch DESC, n DESC LIMIT 1",
      )
      .toArray();
    const n = last?.epoch === state.epoch ? last.n + 1 : 1;
    const issuedMs = Math.max(Date.now(), last?.issued_ms ?? 0);
    this.#insert(state.epoch, n, entry, issuedMs);
    return { kind: "registered", number: numberOf(state.series, state.epoch, n), issuedMs };
  }

  /** A number given in vain would be a gap, so a document that differs keeps the number that its first version has. */
  #update(state: RegisterRow, known: DocumentRow, entry: RegisterEntry): RegisterAnswer {
    const number = numberOf(state.series, known.epoch, known.n);
    const { total_minor: totalMinor, issued_ms: issuedMs } = known;
    const fields = differingFields(known, entry);
    if (fields.length > 0) return { kind: "differs", number, totalMinor, fields };
    if (entry.version > known.version) {
      const [sha256, fieldDigests] = digestColumns(entry);
      this.#storage.sql.exec(
        `UPDATE documents SET status = ?, open_minor = ?, version = ?, sha256 = coalesce(sha256, ?),
           field_digests = coalesce(field_digests, ?) WHERE epoch = ? AND n = ?`,
        entry.status,
        entry.openMinor,
        entry.version,
        sha256,
        fieldDigests,
        known.epoch,
        known.n,
      );
    }
    return { kind: "registered", number, issuedMs };
  }

  #restore(entry: NumberedEntry): void {
    const state = this.#state();
    if (state === null) throw new Error("the register has not begun");
    const place = placeOf(state.series, entry.number);
    if (place === null) throw new Error(`${entry.number} is not a number of ${state.series}`);
    const known = this.#find(entry.id);
    if (known) return;
    const { sql } = this.#storage;
    const [taken] = sql
      .exec("SELECT n FROM documents WHERE epoch = ? AND n = ?", place.epoch, place.n)
      .toArray();
    if (taken) sql.exec("UPDATE register SET conflicts = conflicts + 1");
    else this.#insert(place.epoch, place.n, entry, entry.issuedMs);
  }

  #insert(epoch: number, n: number, entry: RegisterEntry, issuedMs: number): void {
    const { id, kind, user, periodStartMs, periodEndMs, currency, exponent, dueDays } = entry;
    this.#storage.sql.exec(
      `INSERT INTO documents (epoch, n, document_id, kind, user, period_start_ms, period_end_ms, currency, exponent,
         total_minor, open_minor, status, issued_ms, due_ms, version, sha256, field_digests)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      epoch,
      n,
      id,
      kind,
      user,
      periodStartMs,
      periodEndMs,
      currency,
      exponent,
      entry.totalMinor,
      entry.openMinor,
      entry.status,
      issuedMs,
      dueDays === null ? null : issuedMs + dueDays * DAY_MS,
      entry.version,
      ...digestColumns(entry),
    );
  }

  #find(id: string): DocumentRow | null {
    const [row] = this.#storage.sql.exec("SELECT * FROM documents WHERE document_id = ?", id).toArray();
    return row ? documentRow.parse(row) : null;
  }
}

/** "INV", or "INV-R1" after a rebuild that found numbers missing. */
function prefixOf(series: string, epoch: number): string {
  return epoch === 0 ? series : `${series}-R${epoch}`;
}

function numberOf(series: string, epoch: number, n: number): string {
  return `${prefixOf(series, epoch)}-${String(n).padStart(6, "0")}`;
}

/** Null: the number is not of this series. */
function placeOf(series: string, number: string): RegisterPosition | null {
  if (!number.startsWith(`${series}-`)) return null;
  const match = /^(?:R(\d+)-)?(\d+)$/.exec(number.slice(series.length + 1));
  return match ? { epoch: Number(match[1] ?? 0), n: Number(match[2]) } : null;
}

function toDocument(series: string, row: DocumentRow): RegisteredDocument {
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
