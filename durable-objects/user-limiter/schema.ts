/**
 * The tables of a user's object, created when the first of them is needed: users without an account usually need none (state-row.ts).
 * docs/storage.md says what each table holds and for how long.
 *
 * Append only, see migrations.ts. Amounts are millitokens, times Unix milliseconds, hours Unix hours (ms / 3,600,000).
 */
import { type Migration, schemaVersion } from "../migrations.ts";
import { OUTBOX_TABLE } from "../outbox.ts";
import { BILLING_TABLES } from "./billing/billing-tables.ts";
import { INVOICE_TABLES } from "./billing/invoice-tables.ts";
import { STRIPE_TABLE } from "./billing/stripe-table.ts";
import { ERASURE_TABLE } from "./erasure/erasure-table.ts";
import { PORTAL_TABLE } from "./portal/portal-table.ts";
import { moveStateTable } from "./state-row.ts";

export const MIGRATIONS: readonly Migration[] = [
  `
  -- One row: the floors of all counters, the policy revision seen, the cells of the ledger's open hours, and from when on
  -- nothing is spent any more (known once the user has paused).
  CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL,
    counters TEXT NOT NULL,
    open_cells TEXT NOT NULL,
    rests_ms INTEGER
  );
  -- The ledger of closed hours. '' stands for no route and for no key.
  CREATE TABLE usage (
    hour INTEGER NOT NULL,
    route TEXT NOT NULL,
    key_id TEXT NOT NULL,
    requests INTEGER NOT NULL,
    cost_milli INTEGER NOT NULL,
    denied INTEGER NOT NULL,
    PRIMARY KEY (hour, route, key_id)
  ) WITHOUT ROWID;
  -- Decisions by idempotency key, for ten minutes.
  CREATE TABLE decisions (
    idempotency_key TEXT PRIMARY KEY,
    decision TEXT NOT NULL,
    expires_ms INTEGER NOT NULL
  ) WITHOUT ROWID;
  -- At most one row: objects of addresses and of users without an account have none. A deleted account stays as a mark.
  CREATE TABLE account (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    user TEXT NOT NULL,
    name TEXT NOT NULL,
    tier TEXT NOT NULL,
    status TEXT NOT NULL,
    overrides TEXT NOT NULL,
    version INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
  );
  CREATE TABLE keys (
    key_id TEXT PRIMARY KEY,
    hash TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    revoked_ms INTEGER,
    version INTEGER NOT NULL
  ) WITHOUT ROWID;
  -- Extra capacity until a moment. Amounts are tokens here, as the policy's numbers are.
  CREATE TABLE grants (
    grant_id TEXT PRIMARY KEY,
    limit_name TEXT NOT NULL,
    amount REAL NOT NULL,
    until_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
  ) WITHOUT ROWID;
  -- Every change of the account, only ever added to.
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    action TEXT NOT NULL,
    before TEXT,
    after TEXT
  );
  ${OUTBOX_TABLE}
  `,
  // Open leases of the state (core/lease-book.ts), as JSON.
  "ALTER TABLE state ADD COLUMN leases TEXT NOT NULL DEFAULT '[]'",
  moveStateTable,
  // What was asked under the key; null for decisions stored before this column. Denials were remembered once, and no longer are.
  `
  ALTER TABLE decisions ADD COLUMN fingerprint TEXT;
  DELETE FROM decisions WHERE decision LIKE '%"allowed":false%';
  `,
  `
  -- When a rotated key stops: apart from its own expiry, which its successor takes over.
  ALTER TABLE keys ADD COLUMN grace_ends_ms INTEGER;
  -- Which key each successor descends from: they share counters. Outlives the key for as long as a period may last.
  CREATE TABLE lineage (
    key_id TEXT PRIMARY KEY,
    origin_id TEXT NOT NULL,
    forgotten_ms INTEGER
  ) WITHOUT ROWID;
  `,
  `
  -- What counts in quotas without being billed.
  ALTER TABLE usage ADD COLUMN lost_milli INTEGER NOT NULL DEFAULT 0;
  -- An operator's last reset of each limit, '' for all: what counts in a quota is what the ledger has from that hour on, less the
  -- cells that it had then, as JSON: [[hour, route, key, millitokens], …].
  CREATE TABLE resets (
    limit_name TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    cells TEXT NOT NULL
  ) WITHOUT ROWID;
  -- Resets from before are known from the audit trail. What was used earlier within their hour is not: all of it is forgiven.
  INSERT OR REPLACE INTO resets (limit_name, at_ms, hour, cells)
    SELECT limits.value, at_ms, at_ms / 3600000 + 1, '[]'
    FROM audit, json_each(iif(after ->> 'limits' = 'all', '[""]', after -> 'limits')) AS limits
    WHERE action = 'account.reset' ORDER BY at_ms;
  `,
  `
  -- Calls of administrators that carried an id, and their answers, for a day.
  CREATE TABLE calls (
    call_id TEXT PRIMARY KEY,
    answer TEXT NOT NULL,
    at_ms INTEGER NOT NULL
  ) WITHOUT ROWID;
  `,
  BILLING_TABLES,
  INVOICE_TABLES,
  `
  -- The ledger of closed hours in other units than requests.
  CREATE TABLE usage_units (
    hour INTEGER NOT NULL,
    route TEXT NOT NULL,
    key_id TEXT NOT NULL,
    unit TEXT NOT NULL,
    cost_milli INTEGER NOT NULL,
    lost_milli INTEGER NOT NULL,
    PRIMARY KEY (hour, route, key_id, unit)
  ) WITHOUT ROWID;
  `,
  // What the call asked for; null for calls stored before this column.
  "ALTER TABLE calls ADD COLUMN fingerprint TEXT",
  `
  -- Open reservations, and for ten minutes what was answered to the settlement of each.
  CREATE TABLE reservations (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    settled INTEGER NOT NULL,
    ends_ms INTEGER NOT NULL
  ) WITHOUT ROWID;
  `,
  STRIPE_TABLE,
  ERASURE_TABLE,
  // What was reported as an event, and is reported once (../events/notices.ts).
  "CREATE TABLE notices (kind TEXT, subject TEXT, at_ms INTEGER NOT NULL, PRIMARY KEY (kind, subject)) WITHOUT ROWID",
  PORTAL_TABLE,
];

/** Whether something of an erasure is left to do (erasure/erasure.ts). Call only if there are tables. */
export function isErasing(sql: SqlStorage): boolean {
  const left = "SELECT 1 FROM erasures WHERE points_ms IS NOT NULL OR customer IS NOT NULL LIMIT 1";
  return sql.exec(left).toArray().length > 0;
}

/** Whether the object's account is billed, or was. Reads a row at most, and none of an object without tables. */
export function hasBilling(storage: DurableObjectStorage): boolean {
  const version = schemaVersion(storage);
  // What a newer Worker has stored is rejected when it is used.
  const hasTable = version > MIGRATIONS.indexOf(BILLING_TABLES) && version <= MIGRATIONS.length;
  return hasTable && storage.sql.exec("SELECT id FROM billing").toArray().length > 0;
}
