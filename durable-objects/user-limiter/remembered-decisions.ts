/**
 * Decisions by idempotency key: a caller that asks again within ten minutes gets the same answer and is charged once.
 *
 * Stored in the transaction of the charge, so neither a crash nor a retry can come between the two.
 */
import type { Decision } from "../../src/core/decision.ts";
import { parseJson } from "../../src/json.ts";
import { decisionSchema } from "../../src/limiter/decision-schema.ts";

/** As promised on the wire. */
export const REMEMBERED_MS = 600_000;
/** One user's decisions at most; beyond it the oldest are forgotten early. About 10 MB of the object's 10 GB. */
const MOST_REMEMBERED = 20_000;

export class RememberedDecisions {
  readonly #sql: SqlStorage;
  #stored: number;

  constructor(sql: SqlStorage, hasTables: boolean) {
    this.#sql = sql;
    this.#stored = hasTables ? sql.exec<{ n: number }>("SELECT count(*) AS n FROM decisions").one().n : 0;
  }

  find(idempotencyKey: string, nowMs: number): Decision | null {
    if (this.#stored === 0) return null;
    const [row] = this.#sql
      .exec<{ decision: string }>(
        "SELECT decision FROM decisions WHERE idempotency_key = ? AND expires_ms > ?",
        idempotencyKey,
        nowMs,
      )
      .toArray();
    return row ? decisionSchema.parse(parseJson(row.decision)) : null;
  }

  put(idempotencyKey: string, decision: Decision, nowMs: number): void {
    if (this.#stored >= MOST_REMEMBERED) this.#forget("ORDER BY expires_ms LIMIT 1000");
    this.#sql.exec(
      "INSERT OR REPLACE INTO decisions (idempotency_key, decision, expires_ms) VALUES (?, ?, ?)",
      idempotencyKey,
      JSON.stringify(decision),
      nowMs + REMEMBERED_MS,
    );
    this.#stored += 1;
  }

  /** Drops what has expired. */
  sweep(nowMs: number): void {
    if (this.#stored > 0) this.#forget("WHERE expires_ms <= ?", nowMs);
  }

  /** When the next one expires, or null where none is left. */
  nextExpiryMs(): number | null {
    if (this.#stored === 0) return null;
    return this.#sql.exec<{ next: number | null }>("SELECT min(expires_ms) AS next FROM decisions").one()
      .next;
  }

  #forget(which: string, ...bindings: number[]): void {
    this.#sql.exec(
      `DELETE FROM decisions WHERE idempotency_key IN (SELECT idempotency_key FROM decisions ${which})`,
      ...bindings,
    );
    this.#stored = this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM decisions").one().n;
  }
}
