/**
 * Bounds the retries of a pool in this isolate, so that an outage does not multiply the load: at most a share of the requests of the last
 * ten seconds, or three a second if that is more. Plain data; the clock is an argument.
 */

const SLOT_MS = 1_000;
/** Slots that count, the present one included. */
export const SLOTS = 10;
/** Enough for a pool with little traffic to retry at all. */
export const MIN_RETRIES = 3 * SLOTS;

interface Slot {
  second: number;
  requests: number;
  retries: number;
}

export class RetryBudget {
  readonly #slots: readonly Slot[] = Array.from({ length: SLOTS }, () => ({
    second: -1,
    requests: 0,
    retries: 0,
  }));

  /** Counts a request, not its retries. */
  count(nowMs: number): void {
    this.#slot(nowMs).requests += 1;
  }

  /** Whether a retry would be allowed. @param share of the requests. */
  allows(share: number, nowMs: number): boolean {
    const second = Math.floor(nowMs / SLOT_MS);
    let [requests, retries] = [0, 0];
    for (const slot of this.#slots) {
      if (slot.second <= second - SLOTS || slot.second > second) continue;
      requests += slot.requests;
      retries += slot.retries;
    }
    return retries + 1 <= Math.max(share * requests, MIN_RETRIES);
  }

  /** Takes a retry. @returns whether it is allowed. */
  take(share: number, nowMs: number): boolean {
    if (!this.allows(share, nowMs)) return false;
    this.#slot(nowMs).retries += 1;
    return true;
  }

  #slot(nowMs: number): Slot {
    const second = Math.floor(nowMs / SLOT_MS);
    const slot = this.#slots[((second % SLOTS) + SLOTS) % SLOTS];
    if (!slot) throw new Error("there is a slot for every second");
    if (slot.second !== second) Object.assign(slot, { second, requests: 0, retries: 0 });
    return slot;
  }
}
