/**
 * The newest decisions and how many there were in each second of the last minute. Bounded whatever comes: more rows than a person can
 * read in a second are counted, not kept. Pure: the clock is an argument.
 */
import type { Frame, LiveDecision } from "./live-frame.ts";

/** More are scrolled by nobody. */
export const MOST_ROWS = 200;
/** As the hub has it; held here too, should several frames come at once. */
export const MOST_ROWS_PER_SECOND = 20;
export const SECONDS = 60;
const SECOND_MS = 1_000;
/** The whole seconds, and the one that has begun. */
const SLOTS = SECONDS + 1;

export interface ListedDecision extends LiveDecision {
  /** Counts up from 1: rows of one request, or of one moment, are different rows. */
  readonly id: number;
}

export class LiveList {
  #rows: readonly ListedDecision[] = [];
  #skipped = 0;
  #lastId = 0;
  #sinceMs = -Infinity;
  #taken = 0;
  /** Requests of the newest second and of those before it: a ring, by second of the clock. */
  readonly #requests = Array.from({ length: SLOTS }, () => 0);
  #newest = 0;

  /** The newest first. */
  get rows(): readonly ListedDecision[] {
    return this.#rows;
  }

  /** Decisions that were not listed, since the start. */
  get skipped(): number {
    return this.#skipped;
  }

  take({ rows, skipped }: Frame, nowMs: number): void {
    if (nowMs - this.#sinceMs >= SECOND_MS || nowMs < this.#sinceMs) {
      this.#sinceMs = nowMs;
      this.#taken = 0;
    }
    const room = MOST_ROWS_PER_SECOND - this.#taken;
    const taken = room > 0 ? rows.slice(-room) : [];
    this.#taken += taken.length;
    this.#skipped += skipped + rows.length - taken.length;
    const listed = taken.map((row) => Object.assign({ id: ++this.#lastId }, row)).toReversed();
    this.#rows = [...listed, ...this.#rows].slice(0, MOST_ROWS);
    this.#count(
      rows.reduce((sum, row) => sum + row.requests, skipped),
      nowMs,
    );
  }

  /** Forgets the rows, not the counts of the last minute. */
  clear(): void {
    this.#rows = [];
    this.#skipped = 0;
  }

  /** Requests of the last {@link SECONDS} whole seconds, oldest first. One that was not shown counts as one request. */
  perSecond(nowMs: number): number[] {
    const now = Math.floor(nowMs / SECOND_MS);
    return Array.from({ length: SECONDS }, (_none, i) => this.#of(now - SECONDS + i));
  }

  #of(second: number): number {
    const isKept = second <= this.#newest && second > this.#newest - SLOTS;
    return isKept ? (this.#requests[second % SLOTS] ?? 0) : 0;
  }

  #count(requests: number, nowMs: number): void {
    const second = Math.floor(nowMs / SECOND_MS);
    // After a pause, or after the clock was put back, nothing that is kept is of the last minute.
    if (second < this.#newest || second - this.#newest >= SLOTS) this.#requests.fill(0);
    else for (let at = this.#newest + 1; at <= second; at += 1) this.#requests[at % SLOTS] = 0;
    this.#newest = second;
    this.#requests[second % SLOTS] = (this.#requests[second % SLOTS] ?? 0) + requests;
  }
}
