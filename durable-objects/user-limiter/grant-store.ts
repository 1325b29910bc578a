/**
 * An account's grants: extra capacity of a limit until a moment.
 *
 * Read into memory once and changed only here, so a decision sees a change at once and costs no read. A grant that has ended is kept as long
 * as it counts in the open billing period.
 */
import * as z from "zod/mini";
import type { Grant } from "../../src/policy/adjust.ts";

/** Grants in force at once. Bounds the work of a decision. */
const MAX_GRANTS = 50;

/** Grants that are kept at once, also those that have ended but count in the open billing period. Bounds the object's memory. */
const MAX_KEPT_GRANTS = 500;

const grantRow = z.object({
  grant_id: z.string(),
  limit_name: z.string(),
  amount: z.number(),
  until_ms: z.number(),
  created_ms: z.number(),
});

/** A grant as it was answered. */
export const grantSchema = z.object({
  grantId: z.string(),
  limit: z.string(),
  amount: z.number(),
  untilMs: z.number(),
  createdMs: z.number(),
}) satisfies z.ZodMiniType<Grant>;

export class GrantStore {
  readonly #sql: SqlStorage;
  #grants: readonly Grant[] = [];

  /** @param hasTables whether there is a table. */
  constructor(sql: SqlStorage, hasTables: boolean) {
    this.#sql = sql;
    if (!hasTables) return;
    this.#grants = sql.exec("SELECT * FROM grants ORDER BY created_ms, grant_id").toArray().map(toGrant);
  }

  /** All grants that are kept, also those that have ended. */
  get kept(): readonly Grant[] {
    return this.#grants;
  }

  /** Grants in force at `nowMs`. */
  inForce(nowMs: number): readonly Grant[] {
    return this.#grants.filter(({ untilMs }) => nowMs < untilMs);
  }

  /** When the next grant ends after `nowMs`; Infinity if there is none. */
  nextEndMs(nowMs: number): number {
    let firstMs = Infinity;
    for (const { untilMs } of this.#grants) if (untilMs > nowMs) firstMs = Math.min(firstMs, untilMs);
    return firstMs;
  }

  /** Whether another grant may be made at `nowMs`. */
  hasRoom(nowMs: number): boolean {
    return this.inForce(nowMs).length < MAX_GRANTS && this.#grants.length < MAX_KEPT_GRANTS;
  }

  /** Adds a grant, and deletes those that ended before `keptFromMs`: those since then count in the open billing period. */
  add(grant: Grant, keptFromMs: number): void {
    this.#sql.exec("DELETE FROM grants WHERE until_ms <= ?", keptFromMs);
    this.#sql.exec(
      "INSERT INTO grants (grant_id, limit_name, amount, until_ms, created_ms) VALUES (?, ?, ?, ?, ?)",
      grant.grantId,
      grant.limit,
      grant.amount,
      grant.untilMs,
      grant.createdMs,
    );
    this.#grants = [...this.#grants.filter(({ untilMs }) => keptFromMs < untilMs), grant];
  }

  /** Ends a grant before its time. @param usedAmount what it admitted, which stays included in the open billing period. */
  revoke(grantId: string, nowMs: number, usedAmount: number): void {
    if (usedAmount === 0) {
      this.#sql.exec("DELETE FROM grants WHERE grant_id = ?", grantId);
      this.#grants = this.#grants.filter((grant) => grant.grantId !== grantId);
      return;
    }
    // A moment later, so that it has been in force even if it was made in this millisecond.
    const untilMs = nowMs + 1;
    this.#sql.exec(
      "UPDATE grants SET amount = ?, until_ms = ? WHERE grant_id = ?",
      usedAmount,
      untilMs,
      grantId,
    );
    this.#grants = this.#grants.map((grant) =>
      grant.grantId === grantId ? { ...grant, amount: usedAmount, untilMs } : grant,
    );
  }

  deleteAll(): void {
    this.#sql.exec("DELETE FROM grants");
    this.#grants = [];
  }
}

function toGrant(found: unknown): Grant {
  const row = grantRow.parse(found);
  return {
    grantId: row.grant_id,
    limit: row.limit_name,
    amount: row.amount,
    untilMs: row.until_ms,
    createdMs: row.created_ms,
  };
}
