/**
 * The events of an account's object. Each is queued in the outbox in the transaction of what it reports, so neither exists without the
 * other. The stores of account, keys, credits and invoices call this with every change, so code that makes a change need not know of events.
 */
import type { EventKind } from "../../src/event-kinds.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/time.ts";
import type { Account } from "../../src/objects/account.ts";
import type { Outbox } from "../outbox.ts";
import { eventEntry } from "./event-entry.ts";
import { type NoticeKind, Notices } from "./notices.ts";

/** How long before a key expires that is reported; for a key of less than twice this life, when half of it is over. */
const KEY_NOTICE_MS = 7 * DAY_MS;

/** The kinds of events that the policy reports; null: none; undefined: the policy is not known, so everything is reported. */
export type EventKinds = () => ReadonlySet<string> | null | undefined;

/** A key, as far as events report it. */
export interface ReportedKey {
  readonly keyId: string;
  readonly scopes: readonly string[];
  readonly createdMs: number;
  readonly expiresMs: number | null;
  readonly revokedMs: number | null;
  /** Null: it was not rotated. */
  readonly graceEndsMs: number | null;
}

/** The parts of the object that events report, as far as they are needed. */
export interface EventSource {
  readonly outbox: Outbox;
  readonly accounts: { readonly user: string | null };
  readonly keys: { readonly all: readonly ReportedKey[] };
}

export class AccountEvents {
  readonly #source: EventSource;
  readonly #kinds: EventKinds;
  readonly #notices: Notices;
  /** The hour of the last denial that was reported; null: not read yet. */
  #deniedHour: number | null = null;
  #isQueued = false;

  constructor(source: EventSource, sql: SqlStorage, kinds: EventKinds) {
    this.#source = source;
    this.#kinds = kinds;
    this.#notices = new Notices(sql);
  }

  wants(kind: EventKind): boolean {
    const kinds = this.#kinds();
    return kinds === undefined || (kinds?.has(kind) ?? false);
  }

  /** Whether an event was queued since the last call: there is something to publish. */
  takeQueued(): boolean {
    const isQueued = this.#isQueued;
    this.#isQueued = false;
    return isQueued;
  }

  /** Queues an event, if the policy reports its kind. Call in the transaction of the change. */
  put(kind: EventKind, data: object, nowMs: number): void {
    if (!this.wants(kind)) return;
    this.#source.outbox.put(eventEntry(kind, { account: this.#source.accounts.user, ...data }, nowMs), nowMs);
    this.#isQueued = true;
  }

  /** The credit has expired with this left: reported once. */
  creditExpired(creditId: string, data: object, nowMs: number): void {
    if (!this.wants("credit.expired") || this.#isNoted("credit", creditId)) return;
    this.#notices.note("credit", creditId, nowMs);
    this.put("credit.expired", { creditId, ...data }, nowMs);
  }

  /** Whether the alert of a threshold was sent in the billing period that began then. */
  isAlerted(periodMs: number, threshold: string): boolean {
    return this.#isNoted("alert", `${periodMs}.${threshold}`);
  }

  /** Sends the alert of a threshold, once in a billing period. Call in a transaction. */
  alert(kind: EventKind, periodMs: number, threshold: string, data: object, nowMs: number): void {
    if (this.isAlerted(periodMs, threshold)) return;
    this.#notices.keep("alert", (subject) => subject.startsWith(`${periodMs}.`));
    this.#notices.note("alert", `${periodMs}.${threshold}`, nowMs);
    this.put(kind, data, nowMs);
  }

  /** The account is stored, changed or deleted. @param before null: there was none. */
  accountPut(before: AccountState | null, after: AccountState, nowMs: number): void {
    const { user: account, tier } = after;
    const isNew = before === null || before.deleted;
    if (isNew) {
      if (!after.deleted) this.put("account.created", { account, tier }, nowMs);
    } else if (after.deleted) {
      this.put("account.deleted", { account, tier }, nowMs);
    } else {
      if (after.tier !== before.tier) {
        this.put("account.tier_changed", { account, tier, before: before.tier }, nowMs);
      }
      if (after.status === "blocked" && before.status !== "blocked") {
        this.put("account.blocked", { account, tier }, nowMs);
      }
    }
  }

  /** A key is stored. @param before null: it is new. @param replaces the key whose successor it is; null: none. */
  keyPut(before: ReportedKey | null, key: ReportedKey, replaces: string | null, nowMs: number): void {
    if (before === null) this.put("key.created", { ...keyData(key), replaces }, nowMs);
    else if (before.revokedMs === null && key.revokedMs !== null) {
      this.put("key.revoked", keyData(key), nowMs);
    }
  }

  /** Limits have denied a request: reported for the first denial in an hour. */
  denied(limits: readonly string[], tier: string, nowMs: number): void {
    if (!this.wants("limit.denied")) return;
    const hour = Math.floor(nowMs / HOUR_MS);
    this.#deniedHour ??= this.#notices.atMs("denial", "") ?? -1;
    if (hour <= this.#deniedHour) return;
    this.#notices.note("denial", "", hour);
    this.#deniedHour = hour;
    this.put("limit.denied", { limits, tier }, nowMs);
  }

  /** When {@link runDue} has something to do next; Infinity: never. */
  get dueMs(): number {
    // While the policy is not known, no alarm is set for what it may not want.
    if (!(this.#kinds()?.has("key.expiring") ?? false)) return Infinity;
    return Math.min(Infinity, ...this.#expiring().map(noticeMs));
  }

  /** Reports the keys that will expire soon. Call in a transaction. */
  runDue(nowMs: number): void {
    if (nowMs < this.dueMs) return;
    for (const key of this.#expiring()) {
      if (nowMs < noticeMs(key)) continue;
      // What has expired meanwhile is noted too: it will not expire again.
      if (nowMs < (key.expiresMs ?? 0)) this.put("key.expiring", keyData(key), nowMs);
      this.#notices.note("key", key.keyId, nowMs);
    }
    const keyIds = new Set(this.#source.keys.all.map(({ keyId }) => keyId));
    this.#notices.keep("key", (keyId) => keyIds.has(keyId));
  }

  #isNoted(notice: NoticeKind, subject: string): boolean {
    return this.#notices.atMs(notice, subject) !== null;
  }

  /** Keys that will expire and were not reported. A rotated key has a successor, which expires at the same time. */
  #expiring(): ReportedKey[] {
    return this.#source.keys.all.filter(
      ({ keyId, expiresMs, revokedMs, graceEndsMs }) =>
        expiresMs !== null && revokedMs === null && graceEndsMs === null && !this.#isNoted("key", keyId),
    );
  }
}

type AccountState = Pick<Account, "user" | "tier" | "status"> & { readonly deleted: boolean };

function noticeMs({ createdMs, expiresMs }: ReportedKey): number {
  const endMs = expiresMs ?? Infinity;
  return endMs - Math.min(KEY_NOTICE_MS, Math.max(0, endMs - createdMs) / 2);
}

function keyData({ keyId, scopes, expiresMs }: ReportedKey): object {
  return { keyId, scopes, expiresAt: expiresMs === null ? null : new Date(expiresMs).toISOString() };
}
