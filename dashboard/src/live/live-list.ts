/**
 * The newest decisions, and the number of requests in each second of the last minute. Bounded: rows beyond what a person can read per
 * second are counted, not kept. Pure: the clock is an argument.
 */
import { SECOND_MS } from "../shell/durations.ts";
import type { LiveFrame, LiveRow } from "../shell/answers.ts";

/** No one scrolls further. */
export const MAX_ROWS = 200;
/** As the hub limits it; enforced here too, because frames can arrive in bursts. */
export const MAX_ROWS_PER_SECOND = 20;
export const SECONDS = 60;
/** The whole seconds, and the current one. */
const BINS = SECONDS + 1;

export interface ListedDecision extends LiveRow {
  /** Counts up from 1: distinguishes rows of the same request or moment. */
  readonly id: number;
}

export class LiveList {
  #rows: readonly ListedDecision[] = [];
  #skipped = 0;
  #lastId = 0;
  #sinceMs = -Infinity;
  #taken = 0;
  /** Requests by second: a ring, indexed by the second of the clock. */
  readonly #requests = Array.from({ length: BINS }, () => 0);
  #newest = 0;
  /** The second since when all requests are known. */
  #knownFrom = Infinity;

  /** Newest first. */
  get rows(): readonly ListedDecision[] {
    return this.#rows;
  }

  /** The number of decisions that were not listed since the start. */
  get skipped(): number {
    return this.#skipped;
  }

  /** The stream is open: from now on, no frame means no requests. */
  begin(nowMs: number): void {
    this.#knownFrom = Math.min(this.#knownFrom, Math.floor(nowMs / SECOND_MS));
  }

  take({ rows, skipped }: LiveFrame, nowMs: number): void {
    this.begin(nowMs);
    if (nowMs - this.#sinceMs >= SECOND_MS || nowMs < this.#sinceMs) {
      this.#sinceMs = nowMs;
      this.#taken = 0;
    }
    const room = MAX_ROWS_PER_SECOND - this.#taken;
    const taken = room > 0 ? rows.slice(-room) : [];
    this.#taken += taken.length;
    this.#skipped += skipped + rows.length - taken.length;
    const listed = taken.map((row) => Object.assign({ id: ++this.#lastId }, row)).toReversed();
    this.#rows = [...listed, ...this.#rows].slice(0, MAX_ROWS);
    this.#count(
      rows.reduce((sum, row) => sum + row.requests, skipped),
      nowMs,
    );
  }

  /** Clears the rows but keeps the counts of the last minute. */
  clear(): void {
    this.#rows = [];
    this.#skipped = 0;
  }

  /**
   * Requests in each of the last {@link SECONDS} whole seconds, oldest first; null before the stream was first open. A skipped decision
   * counts as one request.
   */
  perSecond(nowMs: number): (number | null)[] {
    const now = Math.floor(nowMs / SECOND_MS);
    return Array.from({ length: SECONDS }, (_none, i) => {
      const second = now - SECONDS + i;
      return second < this.#knownFrom ? null : this.#of(second);
    });
  }

  #of(second: number): number {
    const isKept = second <= this.#newest && second > this.#newest - BINS;
    return isKept ? (this.#requests[second % BINS] ?? 0) : 0;
  }

  #count(requests: number, nowMs: number): void {
    const second = Math.floor(nowMs / SECOND_MS);
    // After a pause, or after the clock was set back, no bin belongs to the last minute.
    if (second < this.#newest || second - this.#newest >= BINS) this.#requests.fill(0);
    else for (let at = this.#newest + 1; at <= second; at += 1) this.#requests[at % BINS] = 0;
    this.#newest = second;
    this.#requests[second % BINS] = (this.#requests[second % BINS] ?? 0) + requests;
  }
}
