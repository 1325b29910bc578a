/**
 * The table of erasures. A migration of the user's object (../schema.ts); docs/storage.md describes it. Every isolate carries it, so its
 * comments are here.
 *
 * One row for each erasure of the user, since the id may be used again. `version` is the account's: of a later account nothing is erased.
 * `points_ms`: when points are deleted for the last time, since some may still have waited in an isolate; null: they were. `customer`: JSON,
 * for the invoices of periods that had ended and had none yet; null: none is left.
 */
export const ERASURE_TABLE = `
CREATE TABLE erasures (
  at_ms INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  points_ms INTEGER,
  customer TEXT
);
`;
