/**
 * The outbox of an object: changes that are not published yet. Entries are queued in the transaction of the change itself, and delivered
 * at least once.
 *
 * Duplicate or late delivery is harmless: an entry is the absolute value of one thing, never a delta, and has a version; a newer value of
 * the same thing replaces the waiting one. Each receiver has a lane. Entries of a lane are delivered in the order they were queued, and
 * its drain stops at the first failure: so an entry never overtakes one that it builds on, and a failing receiver delays no other.
 * Retries forever with a growing delay: an entry is deleted only after the receiver has taken it, and in the transaction that stores what
 * the receiver answered.
 */
import { objectMetrics } from "./object-metrics.ts";

export const FIRST_RETRY_MS = 2_000;
const MAX_RETRY_MS = 300_000;
/** Deliveries of one drain; the rest follow with the next alarm. */
const MAX_PER_DRAIN = 50;
/** The lane whose receiver is slow: a drain for others leaves it out, so that none of them waits for it. */
export const STRIPE_LANE = "stripe";
/** Its deliveries of one drain: each may take as long as several calls over the internet. */
const MAX_SLOW_PER_DRAIN = 10;

/** One value to publish. */
export interface Entry {
  /** The receiver. */
  readonly lane: string;
  /** The thing, by its name at the receiver. */
  readonly name: string;
  /** Null: the thing was deleted. */
  readonly value: string | null;
  readonly version: number;
}

/** Delivers an entry. Rejects if the receiver did not take it. @returns what the receiver answered; null: nothing to store. */
export type Deliver = (entry: Entry) => Promise<string | null>;

/**
 * Stores an answer, in one transaction with `remove`, which deletes the entry: the answer is lost only with a later delivery. If `remove` is
 * not called, the entry is delivered again, for its next step.
 */
export type Accept = (entry: Entry, answer: string, remove: () => void) => void;

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
  readonly #accept: Accept;
  /** Lanes with a delivery in progress: other drains skip them, to keep the order. */
  readonly #busy = new Set<string>();
  /** Known to be empty: saves a query at each pause of the user. */
  #isEmpty = false;

  /** @param accept default: receivers answer nothing. */
  constructor(sql: SqlStorage, deliver: Deliver, accept: Accept = (_entry, _answer, remove) => remove()) {
    this.#sql = sql;
    this.#deliver = deliver;
    this.#accept = accept;
  }

  /** Queues an entry. Call in the transaction of its change. */
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

  /**
   * Delivers what is queued. Does not reject if a receiver fails. @returns the lanes with entries left.
   * @param slow deliver what is due of {@link STRIPE_LANE} instead, and nothing early.
   */
  async drain(nowMs: number, slow = false): Promise<ReadonlySet<string>> {
    const failed = new Set<string>();
    const isOf = (lane: string): boolean => (lane === STRIPE_LANE) === slow;
    const isNext = ({ lane, due_ms: dueMs }: Row): boolean =>
      isOf(lane) && (!slow || dueMs <= nowMs) && !failed.has(lane) && !this.#busy.has(lane);
    for (let delivered = 0; delivered < (slow ? MAX_SLOW_PER_DRAIN : MAX_PER_DRAIN); delivered++) {
      const row = this.#heads().find(isNext);
      if (!row) break;
      this.#busy.add(row.lane);
      try {
        const answer = await this.#deliver(row);
        // A newer value that was queued meanwhile has another row.
        const remove = (): void => void this.#sql.exec("DELETE FROM outbox WHERE seq = ?", row.seq);
        if (answer === null) remove();
        else this.#accept(row, answer, remove);
      } catch {
        this.#postpone(row, nowMs);
        failed.add(row.lane);
      } finally {
        this.#busy.delete(row.lane);
      }
    }
    const heads = this.#heads();
    const lags = heads.filter(({ lane }) => isOf(lane)).map((row) => lagMs(row, nowMs));
    if (!slow || lags.length > 0) {
      objectMetrics.peak(slow ? "stripeLagSeconds" : "outboxLagSeconds", [], Math.max(0, ...lags) / 1_000);
    }
    return new Set(heads.map(({ lane }) => lane));
  }

  /** When to drain again; null if nothing is queued. A lane with a delivery in progress is left to that drain. */
  nextDueMs(nowMs: number): number | null {
    const due = this.#heads().map(({ lane, due_ms: dueMs }) =>
      this.#busy.has(lane) ? nowMs + FIRST_RETRY_MS : dueMs,
    );
    return due.length > 0 ? Math.min(...due) : null;
  }

  /** The first entry of each lane, in the order they were queued. The others are not due before it. */
  #heads(): Row[] {
    if (this.#isEmpty) return [];
    const query =
      "SELECT * FROM outbox WHERE seq IN (SELECT min(seq) FROM outbox GROUP BY lane) ORDER BY seq";
    const heads = this.#sql.exec<Row>(query).toArray();
    this.#isEmpty = heads.length === 0;
    return heads;
  }

  #postpone({ seq, attempts, due_ms: dueMs }: Row, nowMs: number): void {
    // An early try, because of another change: it must not lengthen the delay.
    if (nowMs < dueMs) return;
    const delayMs = retryMs(attempts);
    this.#sql.exec(
      "UPDATE outbox SET attempts = attempts + 1, due_ms = ? WHERE seq = ?",
      nowMs + delayMs,
      seq,
    );
  }
}

/** How long to wait after this attempt, counted from 0. */
function retryMs(attempt: number): number {
  return Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt, 20));
}

/** How long an entry has waited, at least. A row says only when it is due; it was queued at least all its delays before that. */
function lagMs({ attempts, due_ms: dueMs }: Row, nowMs: number): number {
  let waitedMs = 0;
  for (let i = 0; i < Math.min(attempts, 20); i++) waitedMs += retryMs(i);
  waitedMs += Math.max(0, attempts - 20) * MAX_RETRY_MS;
  return Math.max(0, nowMs - (dueMs - waitedMs));
}
