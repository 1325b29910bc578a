/** A register's storage: its state, and its documents by their numbers. Creates the tables with the first document. */
import { DAY_MS } from "../../src/core/time.ts";
import type { RegisterEntry } from "../../src/objects/billing-register.ts";
import { migrate, schemaVersion } from "../migrations.ts";
import { digestColumns } from "./compare-documents.ts";
import { type DocumentRow, documentRow, MIGRATIONS, type RegisterRow, registerRow } from "./register-rows.ts";

export class RegisterStore {
  readonly sql: SqlStorage;
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.sql = storage.sql;
  }

  /** Runs changes as one transaction. */
  transact<T>(changes: () => T): T {
    return this.#storage.transactionSync(changes);
  }

  /** Whether there are tables. */
  get isEmpty(): boolean {
    return schemaVersion(this.#storage) === 0;
  }

  migrate(): void {
    migrate(this.#storage, MIGRATIONS);
  }

  /** Null before the first document. */
  state(): RegisterRow | null {
    if (this.isEmpty) return null;
    this.migrate();
    const [row] = this.sql.exec("SELECT * FROM register").toArray();
    return row ? registerRow.parse(row) : null;
  }

  /** @throws before the first document. */
  begun(): RegisterRow {
    const state = this.state();
    if (state === null) throw new Error("the register has not begun");
    return state;
  }

  /** Creates the row of the register's state. Changes nothing if there is one. */
  open(name: string, rebuilding: number): void {
    this.migrate();
    this.sql.exec(
      "INSERT OR IGNORE INTO register (id, series, epoch, rebuilding, conflicts) VALUES (1, ?, 0, ?, 0)",
      name,
      rebuilding,
    );
  }

  /** The currency of the documents; null if there are none. */
  currency(): string | null {
    if (this.state() === null) return null;
    const [first] = this.sql.exec<{ currency: string }>("SELECT currency FROM documents LIMIT 1").toArray();
    return first?.currency ?? null;
  }

  find(id: string): DocumentRow | null {
    const [row] = this.sql.exec("SELECT * FROM documents WHERE document_id = ?", id).toArray();
    return row ? documentRow.parse(row) : null;
  }

  insert(epoch: number, n: number, entry: RegisterEntry, issuedMs: number): void {
    const { id, kind, user, periodStartMs, periodEndMs, currency, exponent, dueDays } = entry;
    this.sql.exec(
      `INSERT INTO documents (epoch, n, document_id, kind, user, period_start_ms, period_end_ms, currency, exponent,
         total_minor, open_minor, status, issued_ms, due_ms, version, sha256, field_digests, parts)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
      partsColumn(entry),
    );
  }
}

/** The column `parts` of an entry. */
export function partsColumn({ parts }: RegisterEntry): string | null {
  return parts === undefined
    ? null
    : JSON.stringify(parts.map(({ tier, route, minor }) => [tier, route, minor]));
}
