/**
 * The tables of an account's billing. A migration of the user's object (../schema.ts); docs/storage.md describes them.
 *
 * Money is whole minor units as text, since SQLite's integers end at 2^63 and JavaScript's at 2^53.
 */
export const BILLING_TABLES = `
  -- At most one row, from when billing begins for the account: what belongs to no period.
  CREATE TABLE billing (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- JSON of what invoices say of the customer.
    customer TEXT NOT NULL,
    -- The account's own; null: the policy's.
    anchor_day INTEGER,
    budget TEXT,
    -- The tier from the next period on.
    pending_tier TEXT,
    trial_ends_ms INTEGER,
    -- Earlier hours of the ledger never change again.
    first_open_hour INTEGER NOT NULL,
    -- The period that is open; null: billing has ended for now.
    period_ms INTEGER
  );
  CREATE TABLE periods (
    start_ms INTEGER PRIMARY KEY,
    end_ms INTEGER NOT NULL,
    full_ms INTEGER NOT NULL,
    anchor_day INTEGER NOT NULL,
    currency TEXT NOT NULL,
    -- The cap that the bill is cut to, and what overage had come to when it was set below that.
    cap_minor TEXT,
    kept_minor TEXT,
    -- JSON, as the terms and usages below.
    grants TEXT NOT NULL,
    usage_at_end TEXT
  );
  -- Stretches of a period under one set of terms each, without gaps.
  CREATE TABLE segments (
    period_ms INTEGER NOT NULL,
    number INTEGER NOT NULL,
    start_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL,
    tier TEXT NOT NULL,
    revision INTEGER NOT NULL,
    terms TEXT NOT NULL,
    -- Usage of the period before the segment, by route.
    usage TEXT NOT NULL,
    PRIMARY KEY (period_ms, number)
  );
  CREATE TABLE credits (
    credit_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor TEXT NOT NULL,
    left_minor TEXT NOT NULL,
    effective_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    -- What it was given for, such as a payment: the same one gives it once.
    source TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL
  );
`;
