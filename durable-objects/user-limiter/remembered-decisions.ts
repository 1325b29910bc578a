/**
 * Allowed decisions by idempotency key: a caller that repeats a request within ten minutes gets the same answer and is charged once. A
 * denial charges nothing, so it is not remembered, and a retry is decided afresh.
 *
 * Stored in the transaction of the charge, so that no crash or retry can come between the two. Never drops a decision early, since its
 * retry would be charged again: when full, the object rejects new keys instead.
 */
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import { parseJson } from "../../src/json.ts";
import { rememberedDecisionSchema } from "../../src/limiter/decision-schema.ts";

/** Documented in the API. */
export const REMEMBERED_MS = 600_000;
/** Decisions of one user, about 60 MB of the object's 10 GB: 166 a second for ten minutes. */
export const MAX_REMEMBERED = 100_000;

/** A decision with the request's fingerprint; null if an older Worker stored it. */
export interface Remembered {
  readonly decision: Decision;
  readonly fingerprint: string | null;
}

export class RememberedDecisions {
  readonly #sql: SqlStorage;
  /** Rows in the table, including expired ones. */
  #stored = 0;
  /** When the first of them expires, at the earliest. */
  #nextExpiryMs: number | null = null;

  constructor(sql: SqlStorage, hasTables: boolean) {
    this.#sql = sql;
    if (hasTables) this.#count();
  }

  find(idempotencyKey: string, nowMs: number): Remembered | null {
    if (this.#stored === 0) return null;
    // An older Worker stored the key without the caller before it, and no fingerprint.
    const alone = idempotencyKey.slice(idempotencyKey.indexOf(" ") + 1);
    const [row] = this.#sql
      .exec<{ decision: string; fingerprint: string | null }>(
        `SELECT decision, fingerprint FROM decisions WHERE expires_ms > ?3
           AND (idempotency_key = ?1 OR idempotency_key = ?2 AND fingerprint IS NULL)
         ORDER BY length(idempotency_key) DESC LIMIT 1`,
        idempotencyKey,
        alone,
        nowMs,
      )
      .toArray();
    return row
      ? { decision: rememberedDecisionSchema.parse(parseJson(row.decision)), fingerprint: row.fingerprint }
      : null;
  }

  /** How long until there is room for another decision after `more` new ones; 0 if there is room now. Deletes expired ones. */
  fullForMs(more: number, nowMs: number): number {
    if (this.#stored + more < MAX_REMEMBERED) return 0;
    if ((this.#nextExpiryMs ?? nowMs) <= nowMs) this.sweep(nowMs);
    if (this.#stored + more < MAX_REMEMBERED) return 0;
    return (this.#nextExpiryMs ?? nowMs + REMEMBERED_MS) - nowMs;
  }

  put(idempotencyKey: string, { decision, fingerprint }: Remembered, nowMs: number): void {
    const expiresMs = nowMs + REMEMBERED_MS;
    this.#sql.exec(
      "INSERT OR REPLACE INTO decisions (idempotency_key, decision, expires_ms, fingerprint) VALUES (?, ?, ?, ?)",
      idempotencyKey,
      JSON.stringify(decision),
      expiresMs,
      fingerprint,
    );
    this.#stored += 1;
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs ?? expiresMs, expiresMs);
  }

  /** Deletes expired decisions. */
  sweep(nowMs: number): void {
    if (this.#stored === 0) return;
    this.#sql.exec("DELETE FROM decisions WHERE expires_ms <= ?", nowMs);
    this.#count();
  }

  /** Deletes all: retries are decided afresh. */
  clear(): void {
    this.#sql.exec("DELETE FROM decisions");
    this.#count();
  }

  /** When the next one expires, at the earliest; null if there is none. */
  nextExpiryMs(): number | null {
    return this.#nextExpiryMs;
  }

  #count(): void {
    const { stored, next } = this.#sql
      .exec<{ stored: number; next: number | null }>(
        "SELECT count(*) AS stored, min(expires_ms) AS next FROM decisions",
      )
      .one();
    this.#stored = stored;
    this.#nextExpiryMs = next;
  }
}

/** Whether a request has the same parameters as the earlier one with its key. */
export function isSameQuestion({ fingerprint }: DecisionRequest, before: Remembered): boolean {
  return fingerprint === undefined || before.fingerprint === null || fingerprint === before.fingerprint;
}
