/**
 * Links to the customers' portal and its sessions. src/objects/portal.ts documents the calls.
 *
 * A link opens one session: finding it and marking it as used is one transaction, and turns do not interleave. All lists are bounded: at
 * the bound, one of the same kind ends, so that signing in with keys never ends a session of a link, nor the reverse.
 */
import * as z from "zod/mini";
import { HOUR_MS } from "../../../src/core/time.ts";
import { equalDigests } from "../../../src/identity/equal-digests.ts";
import type { Change } from "../../../src/objects/change.ts";
import type {
  EndedPortalAnswer,
  PortalAnswer,
  PortalKind,
  PortalLinkAnswer,
  PortalProof,
  PortalSecret,
} from "../../../src/objects/portal.ts";
import type { AccountChanges } from "../account-changes.ts";
import type { Memory } from "../memory.ts";
import type { UserStore } from "../user-store.ts";
import { endPortal, sweepPortal } from "./portal-rows.ts";

/** How long a session may last. A link's can change more, so it ends sooner. */
const SESSION_MS: Readonly<Record<PortalKind, number>> = { key: 12 * HOUR_MS, link: 4 * HOUR_MS };

/** Rows of each kind, used links included. A customer's team signs in a few dozen times while a session lasts. */
const MAX_ROWS: Readonly<Record<Row["kind"], number>> = { key: 50, link: 50, token: 20 };

const rowSchema = z.object({
  id: z.string(),
  digest: z.string(),
  kind: z.enum(["key", "link", "token"]),
  key_id: z.nullable(z.string()),
  actor: z.string(),
  created_ms: z.number(),
  expires_ms: z.number(),
  used_ms: z.nullable(z.number()),
});
type Row = z.infer<typeof rowSchema>;

/** The object whose portal it is. */
export interface PortalHost {
  readonly sql: SqlStorage;
  readonly store: UserStore;
  readonly changes: AccountChanges;
}

export async function addPortalLink(
  { sql, store, changes }: PortalHost,
  link: PortalSecret,
  forMs: number,
  by: Change,
): Promise<PortalLinkAnswer> {
  if (store.memory.accounts.account === null) return { kind: "absent" };
  const expiresMs = changes.commit((memory, nowMs) => {
    const endMs = nowMs + forMs;
    put(sql, { ...link, kind: "token", key_id: null, actor: by.actor, expires_ms: endMs }, nowMs);
    const after = { id: link.id, until: new Date(endMs).toISOString() };
    memory.audit.note("portal.link", by, null, after, nowMs);
    return endMs;
  });
  await store.wakeAt(expiresMs);
  return { kind: "link", expiresMs };
}

export function endPortalSessions({ sql, store, changes }: PortalHost, by: Change): EndedPortalAnswer {
  if (store.memory.accounts.account === null) return { kind: "absent" };
  return changes.commit((memory, nowMs) => {
    const { links, sessions } = sql
      .exec<{ links: number; sessions: number }>(
        `SELECT count(*) FILTER (WHERE kind = 'token' AND used_ms IS NULL) AS links,
           count(*) FILTER (WHERE kind <> 'token') AS sessions
         FROM portal_sessions WHERE expires_ms > ?`,
        nowMs,
      )
      .one();
    endPortal(sql);
    if (links + sessions > 0) memory.audit.note("portal.end", by, { links, sessions }, null, nowMs);
    return { kind: "ended", links, sessions };
  });
}

export async function openPortal(
  { sql, store }: PortalHost,
  proof: PortalProof,
  session: PortalSecret,
): Promise<PortalAnswer> {
  if (store.memory.accounts.account === null) return ENDED;
  const answer = store.change((memory) =>
    memory.transact(() => {
      const nowMs = Date.now();
      const expires_ms = nowMs + SESSION_MS[proof.kind];
      if (proof.kind === "key") {
        if (!memory.keys.isValid(proof.keyId, nowMs)) return ENDED;
        put(sql, { ...session, kind: "key", key_id: proof.keyId, actor: "", expires_ms }, nowMs);
      } else {
        const link = find(sql, proof.link, nowMs);
        if (link?.kind !== "token") return ENDED;
        if (link.used_ms !== null) return { kind: "used" } as const;
        sql.exec("UPDATE portal_sessions SET used_ms = ? WHERE id = ?", nowMs, link.id);
        put(sql, { ...session, kind: "link", key_id: null, actor: link.actor, expires_ms }, nowMs);
      }
      return sessionIn(sql, memory, session, nowMs);
    }),
  );
  if (answer.kind === "session") await store.wakeAt(answer.session.expiresMs);
  return answer;
}

export function portalSession({ sql, store }: PortalHost, session: PortalSecret): PortalAnswer {
  const { memory } = store;
  return memory.hasTables ? sessionIn(sql, memory, session, Date.now()) : ENDED;
}

export function closePortal(host: PortalHost, session: PortalSecret): void {
  if (portalSession(host, session).kind !== "session") return;
  host.store.change((memory) =>
    memory.transact(() => host.sql.exec("DELETE FROM portal_sessions WHERE id = ?", session.id)),
  );
}

const ENDED = { kind: "ended" } as const;

function sessionIn(
  sql: SqlStorage,
  { accounts, keys }: Memory,
  wanted: PortalSecret,
  nowMs: number,
): PortalAnswer {
  const row = find(sql, wanted, nowMs);
  const { account } = accounts;
  if (row === null || row.kind === "token" || account === null) return ENDED;
  const { kind, key_id: keyId, expires_ms: expiresMs } = row;
  if (kind === "key" && (keyId === null || !keys.isValid(keyId, nowMs))) return ENDED;
  const isEnding = keyId !== null && keys.stopsAtMs(keyId) !== Infinity;
  const mayCall = keyId === null || (keys.get(keyId)?.scopes.includes("call") ?? false);
  const { name, status } = account;
  return {
    kind: "session",
    session: { kind, keyId, expiresMs, isEnding, mayCall, account: { name, status } },
  };
}

/** The row in force with this id and secret; null: there is none. */
function find(sql: SqlStorage, { id, digest }: PortalSecret, nowMs: number): Row | null {
  const [found] = sql.exec("SELECT * FROM portal_sessions WHERE id = ?", id).toArray();
  if (found === undefined) return null;
  const row = rowSchema.parse(found);
  return equalDigests(row.digest, digest) && nowMs < row.expires_ms ? row : null;
}

/**
 * Adds a row, and makes room for it first. Used links go before others; among key sessions, the oldest session of the key with the most
 * sessions, so that signing in with one key does not end the sessions of others; then the oldest. Call in a transaction.
 */
function put(sql: SqlStorage, row: Omit<Row, "created_ms" | "used_ms">, nowMs: number): void {
  sweepPortal(sql, nowMs);
  sql.exec(
    `DELETE FROM portal_sessions WHERE id IN (
       SELECT id FROM portal_sessions WHERE kind = ?1 ORDER BY used_ms IS NULL DESC,
         row_number() OVER (PARTITION BY key_id ORDER BY created_ms DESC), created_ms DESC LIMIT -1 OFFSET ?2)`,
    row.kind,
    MAX_ROWS[row.kind] - 1,
  );
  sql.exec(
    `INSERT INTO portal_sessions (id, digest, kind, key_id, actor, created_ms, expires_ms, used_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, NULL)`,
    row.id,
    row.digest,
    row.kind,
    row.key_id,
    row.actor,
    nowMs,
    row.expires_ms,
  );
}
