/**
 * The table of the customers' portal. A migration of the user's object (../schema.ts); docs/storage.md describes it. Every isolate carries
 * it, so its comments are here.
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
