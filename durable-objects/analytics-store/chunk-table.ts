/**
 * The table `points` of the hub's SQLite: a row for each chunk (chunk.ts). A table that an older version has made gets the columns of the
 * fields added since, before any of them is read or written. Rewrites no row for that.
 */
import type { RequestScan, Row } from "../../src/analytics/reports/facts.ts";
import {
  bindingsOf,
  CHUNK_SCHEMA,
  FIND_REQUEST,
  missingColumns,
  NOTE_COLUMN,
  requestBindings,
  rowsOf,
  WRITE_CHUNK,
} from "./chunk.ts";

/** What the table needs of SqlStorage. */
export interface Sql {
  exec(query: string, ...bindings: (number | string | null)[]): Iterable<Record<string, unknown>>;
}

/** A row of the table, or some of its columns. */
export type StoredChunk = Readonly<Record<string, unknown>>;

const NEWEST = "id = (SELECT max(id) FROM points)";
const NEWEST_NOTE = `SELECT ${NOTE_COLUMN} AS note FROM points WHERE ${NEWEST}`;
const DROP_NOTE = `UPDATE points SET ${NOTE_COLUMN} = NULL WHERE ${NEWEST}`;

export class ChunkTable {
  readonly #sql: Sql;
  #exists = false;
  /** Whether the table is known to have a column for each field. */
  #isComplete = false;

  /** {@link open} it before anything else. */
  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /**
   * Checks whether the table exists. Call again after a failed transaction. Writes nothing.
   * @returns the id of the newest chunk, or 0, and the points in all chunks.
   */
  open(): { readonly lastId: number; readonly rows: number } {
    const tables = this.#sql.exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'points'");
    this.#exists = [...tables].length > 0;
    this.#isComplete = false;
    if (!this.#exists) return { lastId: 0, rows: 0 };
    const found = this.#sql.exec(
      "SELECT coalesce(max(id), 0) AS last, coalesce(sum(rows), 0) AS rows FROM points",
    );
    for (const { last, rows } of found) return { lastId: Number(last), rows: Number(rows) };
    return { lastId: 0, rows: 0 };
  }

  /** Makes the table if there is none. */
  create(): void {
    if (!this.#exists) this.#sql.exec(CHUNK_SCHEMA);
    this.#exists = true;
    this.complete();
  }

  /** Adds the columns that the table lacks, if there is one. Call before chunks are read. */
  complete(): void {
    if (this.#isComplete || !this.#exists) return;
    const columns = [...this.#sql.exec("SELECT name FROM pragma_table_info('points')")];
    const names = new Set(columns.map(({ name }) => String(name)));
    for (const statement of missingColumns(names)) this.#sql.exec(statement);
    this.#isComplete = true;
  }

  /** Writes a chunk, in place of the one of this id: one row written. */
  write(id: number, rows: readonly Row[], note: string | null): void {
    this.#sql.exec(WRITE_CHUNK, ...bindingsOf(id, rows, note));
  }

  delete(id: number): void {
    this.#sql.exec("DELETE FROM points WHERE id = ?", id);
  }

  /** The points of a chunk. */
  read(id: number): Row[] {
    for (const stored of this.#sql.exec("SELECT * FROM points WHERE id = ?", id)) return rowsOf(stored);
    return [];
  }

  /** These columns of a chunk; null if it is gone. */
  columnsOf(id: number, columns: readonly string[]): StoredChunk | null {
    const found = this.#sql.exec(`SELECT ${columns.join(", ")} FROM points WHERE id = ?`, id);
    for (const stored of found) return stored;
    return null;
  }

  /** Id, number of points and these columns of the first `count` chunks between these ids. */
  between(afterId: number, beforeId: number, count: number, columns: readonly string[]): StoredChunk[] {
    return [
      ...this.#sql.exec(
        `SELECT id, rows, ${columns.join(", ")} FROM points WHERE id > ? AND id < ? ORDER BY id LIMIT ?`,
        afterId,
        beforeId,
        count,
      ),
    ];
  }

  /** The chunks whose points are all older than this moment, and how many points each has. */
  olderThan(atMs: number): { readonly id: number; readonly rows: number }[] {
    if (!this.#exists) return [];
    const found = [...this.#sql.exec("SELECT id, rows FROM points WHERE last_ms < ?", atMs)];
    return found.map(({ id, rows }) => ({ id: Number(id), rows: Number(rows) }));
  }

  /** The chunks of a period that contain a request id. Scans about 2,000 rows; only an operator's search calls it. */
  withRequest(wanted: RequestScan): Set<number> {
    if (!this.#exists) return new Set();
    const found = this.#sql.exec(FIND_REQUEST, ...requestBindings(wanted));
    return new Set([...found].map(({ id }) => Number(id)));
  }

  /** The note of the newest chunk. */
  get note(): string | null {
    if (!this.#exists) return null;
    this.complete();
    for (const { note } of this.#sql.exec(NEWEST_NOTE)) return typeof note === "string" ? note : null;
    return null;
  }

  /** Removes the note: one row written. */
  dropNote(): void {
    this.#sql.exec(DROP_NOTE);
  }
}
