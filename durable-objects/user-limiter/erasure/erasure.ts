/**
 * Erasure of a user's personal data from their object, and from what it has published.
 *
 * What the object holds is erased in one transaction with the deletion of the account, so a crash leaves all of it or nothing. What cannot
 * be erased yet is in the table `erasures`, and the object's alarm resumes it: points in the hub, which may be down, and the customer of
 * periods whose invoices are not numbered yet, which the law requires on them. Numbered documents and the ledger are never touched.
 */
import * as z from "zod/mini";
import { withDeadline } from "../../../src/deadline.ts";
import type { ErasedAnswer } from "../../../src/objects/account.ts";
import type { Change } from "../../../src/objects/change.ts";
import { allHubs, HUB_DEADLINE_MS, type HubNamespace } from "../../../src/objects/metrics-hub.ts";
import type { AccountCalls } from "../account-calls.ts";
import type { AccountChanges } from "../account-changes.ts";
import { BOTH } from "../fence-scopes.ts";
import type { Memory } from "../memory.ts";
import { endPortal } from "../portal/portal-rows.ts";
import type { UserStore } from "../user-store.ts";
import { eraseAudit } from "./erased-audit.ts";

/** Points are in no isolate any more so long after they were made: they wait twenty seconds, and then three tries of some seconds each. */
const LATE_POINTS_MS = 120_000;
/** How long after a hub has failed it is asked again. */
const RETRY_MS = 60_000;

const row = z.object({
  at_ms: z.number(),
  version: z.int(),
  points_ms: z.nullable(z.number()),
  customer: z.nullable(z.string()),
});

/** What an erasure works on. */
export interface ErasureHost {
  /** The object's name. */
  readonly user: string;
  readonly env: Env;
  readonly storage: DurableObjectStorage;
  readonly store: UserStore;
  readonly changes: AccountChanges;
  readonly calls: AccountCalls;
}

/** What is left of the erasures of a user. */
interface ErasureStanding {
  /** When the user was last erased. */
  readonly atMs: number;
  readonly pending: readonly ("bills" | "points")[];
}

/** Erases a user of whom the object knows something. @param lift also lift the block of the account. */
export async function eraseAccount(
  host: ErasureHost,
  { reason: _text, ...given }: Change,
  lift: boolean,
): Promise<ErasedAnswer> {
  const { store, changes } = host;
  const { sql } = host.storage;
  // The reason is a text about the user.
  const by = { ...given, reason: "" };
  const { memory } = store;
  const isErased = standingOf(sql, memory) !== null && !(lift && memory.accounts.status === "blocked");
  const made = isErased
    ? changes.callOf(by)
    : changes.commitOnce(by, (changed, nowMs) => {
        host.calls.deleteIn(changed, by, lift, nowMs);
        erase(sql, changed, nowMs);
        changed.audit.note("account.erase", by, null, null, nowMs);
        return "";
      });
  if (made !== null && typeof made !== "string") return made;
  if (!isErased) await changes.effective(BOTH);
  await continueErasure(host);
  const { keys } = store.memory;
  const { atMs, pending } = standingOf(sql, store.memory) ?? { atMs: Date.now(), pending: [] };
  return { kind: "erased", atMs, keyIds: keys.all.map(({ keyId }) => keyId), pending };
}

/** Null if the user was never erased, or has changed since. */
function standingOf(sql: SqlStorage, { accounts, hasTables }: Memory): ErasureStanding | null {
  if (!hasTables) return null;
  const found = sql.exec("SELECT * FROM erasures ORDER BY at_ms DESC").toArray();
  const all = found.map((each) => row.parse(each));
  const [last] = all;
  if (last === undefined || last.version !== accounts.version) return null;
  const hasBills = all.some(({ customer }) => customer !== null);
  const hasPoints = all.some(({ points_ms: pointsMs }) => pointsMs !== null);
  return {
    atMs: last.at_ms,
    pending: [...(hasBills ? (["bills"] as const) : []), ...(hasPoints ? (["points"] as const) : [])],
  };
}

/** Erases what the object holds. Call in one transaction with the account's deletion, after it. */
function erase(sql: SqlStorage, memory: Memory, nowMs: number): void {
  const { accounts, billing, closing, keys, remembered } = memory;
  // Answers of earlier calls, and the keys that callers have chosen.
  sql.exec("DELETE FROM calls");
  remembered.clear();
  keys.eraseNames();
  accounts.eraseName(nowMs);
  eraseAudit(sql);
  eraseStripe(sql);
  endPortal(sql);
  const own = billing?.store.account ?? null;
  const hasBills = closing !== null && own !== null && closing.hasOpenBills(nowMs, nowMs);
  const customer = hasBills ? JSON.stringify(own.customer) : null;
  if (billing && own) {
    billing.store.eraseSources();
    billing.putAccount({ ...own, customer: {} }, nowMs);
    closing?.invoicing.invoices.eraseUnnumbered(nowMs);
    closing?.invoicing.stripe.erase();
  }
  sql.exec(
    "INSERT OR REPLACE INTO erasures (at_ms, version, points_ms, customer) VALUES (?, ?, ?, ?)",
    nowMs,
    accounts.version,
    nowMs + LATE_POINTS_MS,
    customer,
  );
}

/** Resumes what is left of all erasures, and sets the alarm for the rest: bills have alarms of their own. Never rejects because of the hub. */
export async function continueErasure({ user, env, storage, store }: ErasureHost): Promise<void> {
  const { sql } = storage;
  const nowMs = Date.now();
  const left = sql
    .exec("SELECT * FROM erasures WHERE points_ms IS NOT NULL OR customer IS NOT NULL")
    .toArray()
    .map((each) => row.parse(each));
  for (const { at_ms: atMs, customer } of left) {
    if (customer === null || store.memory.closing?.hasOpenBills(atMs, nowMs)) continue;
    store.change((memory) => memory.transact(() => eraseCustomer(sql, memory, atMs, nowMs)));
  }
  for (const { at_ms: atMs, points_ms: pointsMs } of left) {
    if (pointsMs === null) continue;
    const isErased = await erasePoints(env.METRICS_HUB, user, atMs);
    if (isErased && nowMs >= pointsMs) sql.exec("UPDATE erasures SET points_ms = NULL WHERE at_ms = ?", atMs);
    else await store.wakeAt(isErased ? pointsMs : nowMs + RETRY_MS);
  }
}

/** The bills of before the erasure are numbered: what was kept for them goes, and what operators have written about them since. */
function eraseCustomer(sql: SqlStorage, memory: Memory, atMs: number, nowMs: number): void {
  sql.exec("UPDATE erasures SET customer = NULL WHERE at_ms = ?", atMs);
  memory.closing?.invoicing.invoices.eraseUnnumbered(nowMs);
  eraseStripe(sql);
  // Entries of a later account are not erased.
  if (memory.accounts.account === null) eraseAudit(sql);
}

/** Erases what Stripe has said of the customer, and the pages where they pay: an operator finds them there. The ids stay. */
function eraseStripe(sql: SqlStorage): void {
  sql.exec("UPDATE stripe SET body = json_set(body, '$.sent', '') WHERE name = 'customer'");
  sql.exec("UPDATE stripe SET body = json_set(body, '$.url', NULL) WHERE name <> 'customer'");
  sql.exec(
    "UPDATE stripe SET body = json_set(body, '$.error.detail', '') WHERE json_type(body, '$.error') = 'object'",
  );
}

/** Deletes the points of a subject, `user:<id>`, of until then. @returns whether all hubs did. */
async function erasePoints(hubs: HubNamespace, subject: string, untilMs: number): Promise<boolean> {
  const erasing = allHubs(hubs).map((hub) =>
    withDeadline(hub.erase(subject, untilMs), HUB_DEADLINE_MS, "metrics hub"),
  );
  return (await Promise.allSettled(erasing)).every(({ status }) => status === "fulfilled");
}
