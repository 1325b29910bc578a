/** The tables of the WebhookDesk, and their rows as values. docs/storage.md describes them. */
import * as z from "zod/mini";
import { EVENT_KINDS } from "../../src/event-kinds.ts";
import { parseJson } from "../../src/json.ts";
import {
  type Attempt,
  type Delivery,
  DELIVERY_STATES,
  DISABLED_REASONS,
  type DisabledReason,
  type NewEndpoint,
} from "../../src/objects/webhook-endpoint.ts";
import type { Migration } from "../migrations.ts";

export const MIGRATIONS: readonly Migration[] = [
  `
  -- Each event once, in the order in which they came in.
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    -- '': of no account.
    account TEXT NOT NULL,
    body TEXT NOT NULL,
    received_ms INTEGER NOT NULL
  );
  CREATE TABLE endpoints (
    endpoint_id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    -- JSON of the kinds it gets; null: all.
    kinds TEXT,
    -- Why it is disabled; null: it is not.
    disabled TEXT,
    secret TEXT NOT NULL,
    -- The one before the last rotation, which signs too until then.
    old_secret TEXT,
    old_until_ms INTEGER,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    -- Events up to this number are queued for it, if it gets their kind.
    cursor INTEGER NOT NULL,
    -- JSON of the attempt since which it fails, or does not; null: none yet.
    last_attempt TEXT
  ) WITHOUT ROWID;
  CREATE TABLE deliveries (
    endpoint_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    account TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    -- When it is tried next; null: never, or after an earlier one of its account.
    due_ms INTEGER,
    -- The last attempt.
    at_ms INTEGER,
    status INTEGER,
    error TEXT,
    PRIMARY KEY (endpoint_id, seq)
  ) WITHOUT ROWID;
  CREATE INDEX deliveries_due ON deliveries (endpoint_id, due_ms, seq) WHERE due_ms IS NOT NULL;
  CREATE INDEX deliveries_waiting ON deliveries (endpoint_id, account, seq) WHERE state = 'waiting';
  CREATE INDEX deliveries_dead ON deliveries (endpoint_id, seq) WHERE state = 'dead';
  -- Changes of endpoints, and calls that carried an id, as in the objects of users.
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    action TEXT NOT NULL,
    before TEXT,
    after TEXT
  );
  CREATE TABLE calls (
    call_id TEXT PRIMARY KEY,
    answer TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    fingerprint TEXT
  ) WITHOUT ROWID;
  `,
];

/** An endpoint as it is stored. */
export interface Endpoint extends NewEndpoint {
  readonly disabled: DisabledReason | null;
  readonly oldSecret: string | null;
  readonly oldUntilMs: number | null;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly cursor: number;
  readonly lastAttempt: Attempt | null;
}

/** A delivery that is tried now. */
export interface DueDelivery {
  readonly endpointId: string;
  readonly seq: number;
  readonly account: string;
  readonly attempts: number;
  readonly event: string;
  readonly body: string;
}

const ms = z.number();
const kindsSchema = z.array(z.enum(EVENT_KINDS));
const attemptSchema = z.strictObject({
  atMs: ms,
  status: z.nullable(z.int()),
  error: z.nullable(z.string()),
}) satisfies z.ZodMiniType<Attempt>;

const endpointRow = z.object({
  endpoint_id: z.string(),
  url: z.string(),
  description: z.string(),
  kinds: z.nullable(z.string()),
  disabled: z.nullable(z.enum(DISABLED_REASONS)),
  secret: z.string(),
  old_secret: z.nullable(z.string()),
  old_until_ms: z.nullable(ms),
  created_ms: ms,
  updated_ms: ms,
  cursor: z.int(),
  last_attempt: z.nullable(z.string()),
});

const dueRow = z.object({
  endpoint_id: z.string(),
  seq: z.int(),
  account: z.string(),
  attempts: z.int(),
  event_id: z.string(),
  body: z.string(),
});

const deliveryRow = z.object({
  seq: z.int(),
  event_id: z.string(),
  type: z.string(),
  account: z.string(),
  state: z.enum(DELIVERY_STATES),
  attempts: z.int(),
  received_ms: ms,
  due_ms: z.nullable(ms),
  at_ms: z.nullable(ms),
  status: z.nullable(z.int()),
  error: z.nullable(z.string()),
  body: z.string(),
});

type Row = Readonly<Record<string, SqlStorageValue>>;

export function toEndpoint(found: Row): Endpoint {
  const row = endpointRow.parse(found);
  return {
    id: row.endpoint_id,
    url: row.url,
    description: row.description,
    events: row.kinds === null ? null : kindsSchema.parse(parseJson(row.kinds)),
    disabled: row.disabled,
    secret: row.secret,
    oldSecret: row.old_secret,
    oldUntilMs: row.old_until_ms,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
    cursor: row.cursor,
    lastAttempt: row.last_attempt === null ? null : attemptSchema.parse(parseJson(row.last_attempt)),
  };
}

export function toDue(found: Row): DueDelivery {
  const { endpoint_id: endpointId, seq, account, attempts, event_id: event, body } = dueRow.parse(found);
  return { endpointId, seq, account, attempts, event, body };
}

export function toDelivery(found: Row): Delivery {
  const row = deliveryRow.parse(found);
  const { seq, type, state, attempts, status, error, body } = row;
  return {
    seq,
    event: row.event_id,
    type,
    account: row.account === "" ? null : row.account,
    state,
    attempts,
    receivedMs: row.received_ms,
    nextAttemptMs: row.due_ms,
    lastAttempt: row.at_ms === null ? null : { atMs: row.at_ms, status, error },
    body,
  };
}
