/**
 * The calls of administrators that carried an id, with what they asked for and their answers, in the transaction of the change: a call that
 * is repeated since its answer was lost changes nothing the second time. Kept for a day.
 */
import { DAY_MS } from "../../src/core/time.ts";

export interface AdminCall {
  readonly answer: string;
  /** Of what it asked for; null if an older Worker stored it. */
  readonly fingerprint: string | null;
}

export class AdminCalls {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** An earlier call of this id; null if there was none. Call only if there are tables. */
  find(callId: string): AdminCall | null {
    const [row] = this.#sql
      .exec<{ answer: string; fingerprint: string | null }>(
        "SELECT answer, fingerprint FROM calls WHERE call_id = ?",
        callId,
      )
      .toArray();
    return row ?? null;
  }

  put(callId: string, { answer, fingerprint }: AdminCall, nowMs: number): void {
    this.#sql.exec("DELETE FROM calls WHERE at_ms < ?", nowMs - DAY_MS);
    this.#sql.exec(
      "INSERT INTO calls (call_id, answer, at_ms, fingerprint) VALUES (?, ?, ?, ?)",
      callId,
      answer,
      nowMs,
      fingerprint,
    );
  }
}
