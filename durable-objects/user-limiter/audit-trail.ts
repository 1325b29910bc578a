/** The audit trail of an account: every change with its time, actor, reason, before and after. Append-only. */
import * as z from "zod/mini";
import type { AuditEntry } from "../../src/objects/account.ts";
import type { Change } from "../../src/objects/change.ts";

const row = z.object({
  seq: z.int(),
  at_ms: z.number(),
  actor: z.string(),
  reason: z.string(),
  action: z.string(),
  before: z.nullable(z.string()),
  after: z.nullable(z.string()),
});

export class AuditTrail {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Records a change. Call in its transaction. `before` and `after` are what changed; null for nothing. */
  note(action: string, change: Change, before: object | null, after: object | null, nowMs: number): void {
    this.#sql.exec(
      "INSERT INTO audit (at_ms, actor, reason, action, before, after) VALUES (?, ?, ?, ?, ?, ?)",
      nowMs,
      change.actor,
      change.reason,
      action,
      before && JSON.stringify(before),
      after && JSON.stringify(after),
    );
  }

  /** Entries older than `before`, newest first; at most `count`. */
  list(before: number, count: number): AuditEntry[] {
    return this.#sql
      .exec("SELECT * FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?", before, count)
      .toArray()
      .map((found) => {
        const { seq, at_ms: atMs, actor, reason, action, before: from, after } = row.parse(found);
        return { seq, atMs, actor, reason, action, before: from, after };
      });
  }
}
