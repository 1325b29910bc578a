/**
 * The calls of administrators that carried an id, with their answers, in the transaction of the change: a call that is repeated since its
 * answer was lost changes nothing the second time. Kept for a day.
 */
import { DAY_MS } from "../../src/core/time.ts";

export class AdminCalls {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The answer to an earlier call; null if there was none. Call only if there are tables. */
  find(callId: string): string | null {
    const [row] = this.#sql
      .exec<{ answer: string }>("SELECT answer FROM calls WHERE call_id = ?", callId)
      .toArray();
    return row?.answer ?? null;
  }

  put(callId: string, answer: string, nowMs: number): void {
    this.#sql.exec("DELETE FROM calls WHERE at_ms < ?", nowMs - DAY_MS);
    this.#sql.exec("INSERT INTO calls (call_id, answer, at_ms) VALUES (?, ?, ?)", callId, answer, nowMs);
  }
}
