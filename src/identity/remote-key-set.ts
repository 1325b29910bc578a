/**
 * The key set of one issuer, as this isolate knows it: fetched if it is needed, used for ten minutes, and kept for twelve hours if the
 * issuer's server fails.
 *
 * Requests share plain data only, never a promise: in workerd, no request may wait for another's I/O. One request fetches. Others use
 * the old keys, or poll until the fetch has ended.
 *
 * Tokens cannot cause more fetches than the clock allows: once a set is known, one in thirty seconds; before, with a back-off.
 */
import { type Log, messageOf } from "../log.ts";
import type { WaitUntil } from "../wait-until.ts";
import { fetchJwks, type VerificationKey } from "./jwks.ts";

/** A key that its issuer withdraws is accepted for this long. */
const FRESH_MS = 10 * 60_000;
/** Issuers' outages are shorter. A longer time would keep withdrawn keys valid for longer. */
const KEPT_MS = 12 * 3_600_000;
/** The time between two fetches once a set is known. After a fetch that other tokens caused, a new key may be rejected for this long. */
const COOL_DOWN_MS = 30_000;
/** Before a set is known, the second attempt may follow the first at once. Then the pause doubles, from this to {@link COOL_DOWN_MS}. */
const FIRST_PAUSE_MS = 1_000;
const FETCH_DEADLINE_MS = 2_000;
/** After this time a fetch is lost with its request, and another request may fetch. A busy isolate stretches a deadline up to threefold. */
const LOST_MS = 3 * FETCH_DEADLINE_MS + 500;
const POLL_MS = 20;
/** A forged token without a `kid` costs this many verifications: some ten microseconds each, a millisecond with ES512. */
const MAX_TRIED = 10;

/** `unavailable`: no known key fits, and new keys could not be fetched. */
export type KeysFound =
  | { readonly kind: "found"; readonly keys: readonly CryptoKey[] }
  | { readonly kind: "unknown" }
  | { readonly kind: "unavailable" };

export class RemoteKeySet {
  readonly #url: URL;
  readonly #algorithm: string;
  readonly #log: Log;
  readonly #waitUntil: WaitUntil;
  #keys: readonly VerificationKey[] = [];
  /** When the fetch of {@link #keys} began. */
  #fetchedAtMs = -Infinity;
  /** Fetches are numbered, so that the result of a slow one never replaces that of a later one. */
  #begun = 0;
  #applied = 0;
  #underWay: number | null = null;
  #begunAtMs = -Infinity;
  #ended = 0;
  /** Failed fetches since the last that succeeded. */
  #failures = 0;

  /** @param waitUntil lets a fetch end although the client of its request has left. */
  constructor(url: URL, algorithm: string, log: Log, waitUntil: WaitUntil) {
    this.#url = url;
    this.#algorithm = algorithm;
    this.#log = log;
    this.#waitUntil = waitUntil;
  }

  /**
   * The keys that may have signed a token with this `kid`; without one, every key may. At most {@link MAX_TRIED}. Never rejects. Waits
   * for one fetch by another request or of its own; for both only if the other's was lost.
   */
  async find(kid: string | undefined, nowMs: number): Promise<KeysFound> {
    const isKnown = this.#matching(kid, nowMs).length > 0;
    if (!isKnown || !within(FRESH_MS, this.#fetchedAtMs, nowMs)) await this.#refresh(isKnown, nowMs);
    const keys = this.#matching(kid, nowMs);
    if (keys.length > 0) return { kind: "found", keys };
    return { kind: this.#failures > 0 || !this.#hasSet(nowMs) ? "unavailable" : "unknown" };
  }

  async #refresh(isKnown: boolean, nowMs: number): Promise<void> {
    const ended = this.#ended;
    let atMs = nowMs;
    while (this.#isUnderWay(atMs) && atMs <= nowMs + LOST_MS) {
      if (isKnown) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      atMs += POLL_MS;
    }
    // A fetch that ended meanwhile is not repeated, even if it failed.
    if (this.#ended === ended && this.#mayFetch(atMs)) await this.#fetch(atMs);
  }

  #mayFetch(nowMs: number): boolean {
    if (this.#isUnderWay(nowMs)) return false;
    const backOffMs = this.#failures < 2 ? 0 : FIRST_PAUSE_MS * 2 ** (this.#failures - 2);
    const pauseMs = this.#hasSet(nowMs) ? COOL_DOWN_MS : Math.min(backOffMs, COOL_DOWN_MS);
    return !within(pauseMs, this.#begunAtMs, nowMs);
  }

  async #fetch(nowMs: number): Promise<void> {
    const number = ++this.#begun;
    this.#underWay = number;
    this.#begunAtMs = nowMs;
    const work = this.#load(number, nowMs);
    this.#waitUntil(work);
    await work;
    this.#ended += 1;
    if (this.#underWay === number) this.#underWay = null;
  }

  async #load(number: number, nowMs: number): Promise<void> {
    try {
      const keys = await fetchJwks(this.#url, this.#algorithm, FETCH_DEADLINE_MS);
      if (number < this.#applied) return;
      this.#keys = keys;
      this.#fetchedAtMs = nowMs;
      this.#applied = number;
      this.#failures = 0;
    } catch (thrown) {
      this.#failures += 1;
      const usesOldKeys = this.#hasSet(nowMs);
      this.#log("error", "jwt_keys_failed", { host: this.#url.host, usesOldKeys, error: messageOf(thrown) });
    }
  }

  #matching(kid: string | undefined, nowMs: number): CryptoKey[] {
    if (!this.#hasSet(nowMs)) return [];
    const keys = kid === undefined ? this.#keys : this.#keys.filter((key) => key.kid === kid);
    return keys.slice(0, MAX_TRIED).map(({ key }) => key);
  }

  #hasSet(nowMs: number): boolean {
    return within(KEPT_MS, this.#fetchedAtMs, nowMs);
  }

  #isUnderWay(nowMs: number): boolean {
    return this.#underWay !== null && within(LOST_MS, this.#begunAtMs, nowMs);
  }
}

/** Whether less than `ms` lie between two times. Requests that began earlier, and a clock that stepped back, make it negative. */
function within(ms: number, sinceMs: number, nowMs: number): boolean {
  return Math.abs(nowMs - sinceMs) < ms;
}
