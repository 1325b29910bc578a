/**
 * What KV is still to be told: delivered at least once, in whatever order, and harmless when told twice, since each entry is
 * the absolute value of one KV key. A newer value of the same key replaces the one that waits.
 *
 * Retries for ever with a growing delay: an entry is dropped only when KV has taken it.
 */
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 300_000;
/** KV writes of one drain; the rest follows at the next alarm. */
const MOST_PER_DRAIN = 50;

interface Entry extends Record<string, SqlStorageValue> {
  kv_key: string;
  value: string | null;
  version: number;
  attempts: number;
}

export class Outbox {
  readonly #sql: SqlStorage;
  readonly #kv: KVNamespace;

  constructor(sql: SqlStorage, kv: KVNamespace) {
    this.#sql = sql;
    this.#kv = kv;
  }

  /** Queues the value of a KV key, null to delete it. Call in the transaction of the change it follows from. */
  put(kvKey: string, value: string | null, version: number, nowMs: number): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO outbox (kv_key, value, version, attempts, due_ms) VALUES (?, ?, ?, 0, ?)",
      kvKey,
      value,
      version,
      nowMs,
    );
  }

  /** Tells KV what is due. @returns whether nothing is left of what was due. Never rejects for KV's sake. */
  async drain(nowMs: number): Promise<boolean> {
    const due = this.#sql
      .exec<Entry>(
        "SELECT kv_key, value, version, attempts FROM outbox WHERE due_ms <= ? ORDER BY due_ms LIMIT ?",
        nowMs,
        MOST_PER_DRAIN,
      )
      .toArray();
    const delivered = await Promise.all(due.map((entry) => this.#deliver(entry)));
    due.forEach((entry, i) => {
      // A newer value that was queued meanwhile has another version and stays.
      if (delivered[i]) {
        this.#sql.exec("DELETE FROM outbox WHERE kv_key = ? AND version = ?", entry.kv_key, entry.version);
      } else {
        this.#postpone(entry, nowMs);
      }
    });
    return delivered.every(Boolean) && due.length < MOST_PER_DRAIN;
  }

  /** When the next entry is due, or null where there is none. */
  nextDueMs(): number | null {
    return this.#sql.exec<{ due: number | null }>("SELECT min(due_ms) AS due FROM outbox").one().due;
  }

  async #deliver({ kv_key: key, value }: Entry): Promise<boolean> {
    try {
      await (value === null ? this.#kv.delete(key) : this.#kv.put(key, value));
      return true;
    } catch {
      return false;
    }
  }

  #postpone({ kv_key: key, version, attempts }: Entry, nowMs: number): void {
    const delayMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts, 20));
    this.#sql.exec(
      "UPDATE outbox SET attempts = attempts + 1, due_ms = ? WHERE kv_key = ? AND version = ?",
      nowMs + delayMs,
      key,
      version,
    );
  }
}
