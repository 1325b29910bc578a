/**
 * The outbox of an object: what others are still to be told of its changes. Entries are queued in the transaction of the
 * change itself, and delivered at least once.
 *
 * Harmless when told twice or late: an entry is the absolute value of one thing, never a delta, and carries a
 * version; a newer value of the same thing replaces the one that waits. Each receiver has a lane: entries of a lane are
 * delivered in the order they were queued and its drain stops at the first failure, so what builds on an entry never overtakes
 * it, and one receiver's failure holds up no other. Retries for ever with a growing delay: an entry is dropped only when it
 * was taken.
 */
import { objectMetrics } from "./object-metrics.ts";

export const FIRST_RETRY_MS = 2_000;
const MAX_RETRY_MS = 300_000;
/** Deliveries of one drain; the rest follows at the next alarm. */
const MAX_PER_DRAIN = 50;

/** One thing to be told. */
export interface Entry {
  /** The receiver. */
  readonly lane: string;
  /** The thing, by the name that the receiver knows it by. */
  readonly name: string;
  /** Null: the thing is gone. */
  readonly value: string | null;
  readonly version: number;
}

/** Tells one thing. Rejects where it was not taken. */
export type Deliver = (entry: Entry) => Promise<void>;

interface Row extends Record<string, SqlStorageValue> {
  seq: number;
  lane: string;
  name: string;
  value: string | null;
  version: number;
  attempts: number;
  due_ms: number;
}

/** Part of an object's first migration. */
export const OUTBOX_TABLE = `
  -- What is still to be told: absolute values, one row per thing.
  CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    lane TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT,
    version INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    UNIQUE (lane, name)
  );
`;

export class Outbox {
  readonly #sql: SqlStorage;
  readonly #deliver: Deliver;
  /** Lanes with a delivery under way: another drain keeps off them, so that nothing is overtaken. */
  readonly #busy = new Set<string>();
  /** That nothing waits is remembered, since it is asked after each pause of the object's. */
  #isEmpty = false;

  constructor(sql: SqlStorage, deliver: Deliver) {
    this.#sql = sql;
    this.#deliver = deliver;
  }

  /** Queues the value of a thing, null where it is gone. Call in the transaction of the change it follows from. */
  put({ lane, name, value, version }: Entry, nowMs: number): void {
    this.#isEmpty = false;
    this.#sql.exec(
      "INSERT OR REPLACE INTO outbox (lane, name, value, version, attempts, due_ms) VALUES (?, ?, ?, ?, 0, ?)",
      lane,
      name,
      value,
      version,
      nowMs,
    );
  }

  /** Tells what waits. @returns the lanes that have something left. Never rejects for the receivers' sake. */
  async drain(nowMs: number): Promise<ReadonlySet<string>> {
    const failed = new Set<string>();
    for (let told = 0; told < MAX_PER_DRAIN; told++) {
      const row = this.#heads().find(({ lane }) => !failed.has(lane) && !this.#busy.has(lane));
      if (!row) break;
      this.#busy.add(row.lane);
      try {
        await this.#deliver(row);
        // A newer value that was queued meanwhile is a row of its own.
        this.#sql.exec("DELETE FROM outbox WHERE seq = ?", row.seq);
      } catch {
        this.#postpone(row, nowMs);
        failed.add(row.lane);
      } finally {
        this.#busy.delete(row.lane);
      }
    }
    const heads = this.#heads();
    objectMetrics.peak("outboxLagSeconds", [], Math.max(0, ...heads.map((row) => lagMs(row, nowMs))) / 1_000);
    return new Set(heads.map(({ lane }) => lane));
  }

  /** When to drain again, or null where nothing waits. A lane with a delivery under way is looked after by its own drain. */
  nextDueMs(nowMs: number): number | null {
    const due = this.#heads().map(({ lane, due_ms: dueMs }) =>
      this.#busy.has(lane) ? nowMs + FIRST_RETRY_MS : dueMs,
    );
    return due.length > 0 ? Math.min(...due) : null;
  }

  /** The first of each lane, in the order they were queued: what waits behind it is not due before it. */
  #heads(): Row[] {
    if (this.#isEmpty) return [];
    const query =
      "SELECT * FROM outbox WHERE seq IN (SELECT min(seq) FROM outbox GROUP BY lane) ORDER BY seq";
    const heads = this.#sql.exec<Row>(query).toArray();
    this.#isEmpty = heads.length === 0;
    return heads;
  }

  #postpone({ seq, attempts, due_ms: dueMs }: Row, nowMs: number): void {
    // Tried early, since another change was made: that says nothing of how long it has waited.
    if (nowMs < dueMs) return;
    const delayMs = retryMs(attempts);
    this.#sql.exec(
      "UPDATE outbox SET attempts = attempts + 1, due_ms = ? WHERE seq = ?",
      nowMs + delayMs,
      seq,
    );
  }
}

/** How long to wait after the attempt of this number, counted from 0. */
function retryMs(attempt: number): number {
  return Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt, 20));
}

/**
 * How long an entry has waited at least. A row says when it is due, not when it was queued: that was at least all its delays
 * before.
 */
function lagMs({ attempts, due_ms: dueMs }: Row, nowMs: number): number {
  let waitedMs = 0;
  for (let i = 0; i < Math.min(attempts, 20); i++) waitedMs += retryMs(i);
  waitedMs += Math.max(0, attempts - 20) * MAX_RETRY_MS;
  return Math.max(0, nowMs - (dueMs - waitedMs));
}
