/** What every isolate must know of links to the portal and of its sessions: when they end, and whether one may change its account. */
import type { Memory } from "../memory.ts";

/** All links and sessions end, as they do when the account is gone. Call in a transaction. */
export function endPortal(sql: SqlStorage): void {
  sql.exec("DELETE FROM portal_sessions");
}

/** The account is blocked: links that were made before it end. Its sessions can still read. Call in the transaction of the block. */
export function endPortalLinks(sql: SqlStorage): void {
  sql.exec("DELETE FROM portal_sessions WHERE kind = 'token'");
}

/** Whether a session may change the account now: it is in force, and the account is not blocked. */
export function mayChange(
  sql: SqlStorage,
  { accounts, keys }: Pick<Memory, "accounts" | "keys">,
  session: string,
  nowMs: number,
): boolean {
  if (accounts.account?.status !== "active") return false;
  const [row] = sql
    .exec<{ keyId: string | null }>(
      "SELECT key_id AS keyId FROM portal_sessions WHERE id = ? AND kind <> 'token' AND expires_ms > ?",
      session,
      nowMs,
    )
    .toArray();
  return row !== undefined && (row.keyId === null || keys.isValid(row.keyId, nowMs));
}

/** Deletes what has expired. @returns when the next row expires; null: there is none. */
export function sweepPortal(sql: SqlStorage, nowMs: number): number | null {
  sql.exec("DELETE FROM portal_sessions WHERE expires_ms <= ?", nowMs);
  return sql.exec<{ ms: number | null }>("SELECT min(expires_ms) AS ms FROM portal_sessions").one().ms;
}
