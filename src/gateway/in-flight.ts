/**
 * Counts the requests that something has in flight, such as a target, or what they take of an isolate, such as bytes. Plain data; the clock
 * is an argument.
 *
 * If a client leaves, the runtime may end its request without notice, so the end is never counted, and a target with many of those would look
 * busy forever. So requests are counted by the minute in which they began, and only those of this minute and the last one count: a request
 * is forgotten after one to two minutes.
 */

const PERIOD_MS = 60_000;
/** How long at least something that has begun is counted. */
export const COUNTED_MS = PERIOD_MS;

export class InFlight {
  #period = 0;
  #current = 0;
  #previous = 0;

  /** @returns what to end it with. */
  begin(nowMs: number, amount = 1): number {
    this.#turn(nowMs);
    this.#current += amount;
    return this.#period;
  }

  /** Counts more of what has begun. */
  add(begun: number, nowMs: number, amount: number): void {
    this.#change(begun, nowMs, amount);
  }

  /** Must be called once for each {@link begin}, if it is called at all, with all that was counted of it. */
  end(begun: number, nowMs: number, amount = 1): void {
    this.#change(begun, nowMs, -amount);
  }

  count(nowMs: number): number {
    this.#turn(nowMs);
    return this.#current + this.#previous;
  }

  #change(begun: number, nowMs: number, amount: number): void {
    this.#turn(nowMs);
    // Not below 0, should the clock have stepped back.
    if (begun === this.#period) this.#current = Math.max(0, this.#current + amount);
    else if (begun === this.#period - 1) this.#previous = Math.max(0, this.#previous + amount);
  }

  #turn(nowMs: number): void {
    const period = Math.floor(nowMs / PERIOD_MS);
    if (period === this.#period) return;
    this.#previous = period === this.#period + 1 ? this.#current : 0;
    this.#current = 0;
    this.#period = period;
  }
}
