/**
 * The table of the customers' portal, and what every isolate must do with it. A migration of the user's object (../schema.ts);
 * docs/storage.md describes it.
 *
 * One row for each link and each session. `kind`: `link` and `key` are sessions by how they began, `token` is a link that an operator has
 * made. `digest`: SHA-256 of the secret. `actor`: who made the link. `used_ms`: when a link has opened its session; null for all others.
 */
export const PORTAL_TABLE = `
CREATE TABLE portal_sessions (
  id TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  kind TEXT NOT NULL,
  key_id TEXT,
  actor TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  used_ms INTEGER
) WITHOUT ROWID;
`;

/** The account is gone: its links and sessions end. Call in the transaction of its deletion. */
export function endPortal(sql: SqlStorage): void {
  sql.exec("DELETE FROM portal_sessions");
}

/** The account is blocked: links that were made before it end. Its sessions can still read. Call in the transaction of the block. */
export function endPortalLinks(sql: SqlStorage): void {
  sql.exec("DELETE FROM portal_sessions WHERE kind = 'token'");
}

/** Deletes what has expired. @returns when the next row expires; null: there is none. */
export function sweepPortal(sql: SqlStorage, nowMs: number): number | null {
  sql.exec("DELETE FROM portal_sessions WHERE expires_ms <= ?", nowMs);
  return sql.exec<{ ms: number | null }>("SELECT min(expires_ms) AS ms FROM portal_sessions").one().ms;
}
