/**
 * What an isolate last heard of each user and the user's object, for decisions when the object does not answer: whether the object is
 * alive, whether the user or the key was rejected, and the account's tier and overrides.
 *
 * Bounded. Eviction never admits a request: an object that may have been evicted counts as alive, and rejected users and keys have
 * separate caches, which only real accounts and keys can fill. Plain data; the clock is an argument.
 */
import { BoundedCache } from "../bounded-cache.ts";
import type { Decision } from "../core/decision.ts";
import type { Account } from "../objects/account.ts";
import type { AccountStanding } from "../objects/object-call.ts";

/** Subjects, and rejected users and keys, that one isolate remembers. */
const MAX_REMEMBERED = 10_000;
const REMEMBERED_MS = 600_000;

export interface Heard {
  /** The tier and outcome of the last decision; null if the object has answered other calls only. */
  tier: string | null;
  outcome: Decision["outcome"] | null;
  /** When the last answer came. */
  atMs: number;
  /** When the object last showed that it is alive. */
  signAtMs: number;
  /** Until then the object counts as alive: requests that do not reach it in time are the callers' own overload. */
  aliveUntilMs: number;
  /** The account as its object last reported it; {@link UNHEARD} if it has not. */
  standing: AccountStanding;
  /** When this entry was last moved to the end of the cache, which evicts its first. */
  movedAtMs: number;
}

/** Nothing is known of the account. No account has this id, so the object includes the standing in its next answer. */
export const UNHEARD: AccountStanding = { id: -1, account: null };

export class LastHeard {
  readonly #aliveMs: number;
  readonly #heard: BoundedCache<Heard>;
  /** When each blocked user was last reported blocked. */
  readonly #blocked = new BoundedCache<number>(MAX_REMEMBERED);
  /** When each key stops, by {@link keyName}. */
  readonly #stops = new BoundedCache<number>(MAX_REMEMBERED);
  /** Evicted objects may be alive until then. */
  #forgottenAliveUntilMs = 0;

  /** @param aliveMs how long an answer shows that an object is alive: the deadline of a call. */
  constructor(aliveMs: number) {
    this.#aliveMs = aliveMs;
    this.#heard = new BoundedCache(MAX_REMEMBERED, ({ aliveUntilMs }) => {
      this.#forgottenAliveUntilMs = Math.max(this.#forgottenAliveUntilMs, aliveUntilMs);
    });
  }

  /** What was last heard, however long ago; undefined if nothing was. */
  latest(subject: string): Readonly<Heard> | undefined {
    return this.#heard.getStale(subject);
  }

  /** As {@link latest}; undefined if it is too old to use. */
  remembered(subject: string, nowMs: number): Readonly<Heard> | undefined {
    const known = this.#heard.getStale(subject);
    return known && nowMs - known.atMs < REMEMBERED_MS ? known : undefined;
  }

  /** Whether the subject's object has answered within the last deadline, or reported that it is overloaded. */
  isAlive(subject: string, nowMs: number): boolean {
    const known = this.#heard.getStale(subject);
    return nowMs < (known?.aliveUntilMs ?? this.#forgottenAliveUntilMs);
  }

  /** Why this user or key was last rejected; null if it was not, or too long ago. */
  rejection(subject: string, keyId: string | null, nowMs: number): "blocked" | "revoked" | null {
    if (this.#blocked.get(subject, nowMs) !== undefined) return "blocked";
    if (keyId === null) return null;
    const stopsAtMs = this.#stops.get(keyName(subject, keyId), nowMs);
    if (stopsAtMs !== undefined && nowMs >= stopsAtMs) return "revoked";
    // Keys do not outlive their account.
    const standing = this.remembered(subject, nowMs)?.standing ?? UNHEARD;
    return standing === UNHEARD || standing.account ? null : "revoked";
  }

  /** The object has answered. */
  answered(subject: string, nowMs: number): void {
    const heard = this.#of(subject, nowMs);
    heard.atMs = nowMs;
    heard.signAtMs = nowMs;
    heard.aliveUntilMs = nowMs + this.#aliveMs;
  }

  /** The object is alive but overloaded. @param forMs how long calls to it are held back at most. */
  overloaded(subject: string, forMs: number, nowMs: number): void {
    const heard = this.#of(subject, nowMs);
    heard.signAtMs = nowMs;
    heard.aliveUntilMs = nowMs + forMs + this.#aliveMs;
  }

  /** The object has failed, or was silent for a whole deadline: signs of life until `sinceMs` no longer count. */
  failed(subject: string, sinceMs: number): void {
    const known = this.#heard.getStale(subject);
    if (known && known.signAtMs <= sinceMs) known.aliveUntilMs = 0;
  }

  /** Notes a decision of the object about requests of this key. */
  note(
    subject: string,
    keyId: string | null,
    { tier, outcome, replayed }: Pick<Decision, "tier" | "outcome" | "replayed">,
    nowMs: number,
  ): void {
    // Neither says whether the user is blocked now.
    if (replayed || outcome === "mismatch") return;
    const heard = this.#of(subject, nowMs);
    heard.tier = tier;
    heard.outcome = outcome;
    this.noteRejection(subject, keyId, outcome, nowMs);
  }

  /**
   * Notes whether the user, or this key, was rejected. Any other outcome lifts what was noted before.
   * @param nowMs when the question was asked.
   */
  noteRejection(subject: string, keyId: string | null, outcome: string, nowMs: number): void {
    if (outcome === "blocked") {
      this.#blocked.set(subject, nowMs, nowMs + REMEMBERED_MS);
      return;
    }
    // Blocks are checked first, so a user rejected for the key is not blocked. An answer to an earlier question lifts nothing.
    if (this.#blocked.size > 0 && nowMs >= (this.#blocked.get(subject, nowMs) ?? 0)) {
      this.#blocked.delete(subject);
    }
    if (keyId === null) return;
    if (outcome === "revoked") this.noteStop(subject, keyId, nowMs, nowMs);
    else if (this.#stops.size > 0) this.#lives(keyName(subject, keyId), nowMs);
  }

  /** Notes when a key stops, at the latest. Says nothing about its user. */
  noteStop(subject: string, keyId: string, atMs: number, nowMs: number): void {
    const name = keyName(subject, keyId);
    const stopsAtMs = Math.min(atMs, this.#stops.get(name, nowMs) ?? Infinity);
    this.#stops.set(name, stopsAtMs, Math.max(stopsAtMs, nowMs) + REMEMBERED_MS);
  }

  /** A key that is good now may still stop later. */
  #lives(name: string, nowMs: number): void {
    if (nowMs >= (this.#stops.get(name, nowMs) ?? 0)) this.#stops.delete(name);
  }

  /** Notes the account as reported with an answer. */
  noteStanding(subject: string, standing: AccountStanding, nowMs: number): void {
    this.#of(subject, nowMs).standing = standing;
  }

  /** Notes the account as its object has just reported it. */
  noteAccount(subject: string, { tier, status, overrides }: Account, nowMs: number): void {
    this.answered(subject, nowMs);
    this.noteRejection(subject, null, status, nowMs);
    const known = this.latest(subject)?.standing.account;
    // In another tier, billing allows something else.
    const allowance = known?.tier === tier ? known.allowance : undefined;
    const account = { tier, overrides, ...(allowance === undefined ? {} : { allowance }) };
    // No object uses this id, so its next answer includes the standing.
    this.noteStanding(subject, { id: UNHEARD.id, account }, nowMs);
  }

  /** Notes that the account and its keys were deleted. @param isLifted its block was lifted too. */
  noteDeleted(subject: string, keyIds: readonly string[], isLifted: boolean, nowMs: number): void {
    for (const keyId of keyIds) this.noteStop(subject, keyId, nowMs, nowMs);
    if (isLifted) this.noteRejection(subject, null, "allowed", nowMs);
    this.answered(subject, nowMs);
    this.noteStanding(subject, { id: UNHEARD.id, account: null }, nowMs);
  }

  #of(subject: string, nowMs: number): Heard {
    const known = this.#heard.getStale(subject);
    // A map is often rebuilt if each request writes to it, so an entry is moved at most once per deadline.
    if (known && nowMs - known.movedAtMs < this.#aliveMs && nowMs >= known.movedAtMs) return known;
    const heard = known ?? {
      tier: null,
      outcome: null,
      atMs: nowMs,
      signAtMs: 0,
      aliveUntilMs: 0,
      standing: UNHEARD,
      movedAtMs: nowMs,
    };
    heard.movedAtMs = nowMs;
    this.#heard.set(subject, heard, Infinity);
    return heard;
  }
}

function keyName(subject: string, keyId: string): string {
  return `${subject}\n${keyId}`;
}
