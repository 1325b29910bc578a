/**
 * The judge of slots, in the object's order and by its clock: never more requests in progress than the limit allows, and none is rejected
 * for want of a slot that is known to be free. Shares no code with the product.
 *
 * A slot is taken by a decision, and free when the isolate that it was made for has sent its release, or when it expires. The object may
 * take it for taken until the release arrives, and after a crash, which may lose releases, until it expires.
 */
import type { Decision } from "../../src/core/decision.ts";
import type { Entry, Turn, Wrong } from "./history.ts";
import { SLOTS } from "./policies.ts";

/** A slot, by the moment it expires: two that expire together are alike. */
interface TakenSlot {
  readonly untilMs: number;
  /** Whether its isolate has sent the release. */
  isSent: boolean;
  /** Whether the object has got it, and holds it in its memory, or on disk. */
  isFree: boolean;
}

/** If only slots are missing, a request may be sent again after this time at the latest. */
const RETRY_MS = 1_000;

export class SlotsModel {
  readonly #wrong: Wrong;
  #taken: TakenSlot[] = [];
  /** The latest time that the object's clock has shown: slots that had expired by then may be forgotten, even if it steps back. */
  #seenMs = -Infinity;

  constructor(wrong: Wrong) {
    this.#wrong = wrong;
  }

  /** Notes releases, losses and resets. */
  see(entry: Entry): void {
    this.#seenMs = Math.max(this.#seenMs, entry.localMs);
    switch (entry.kind) {
      case "release": {
        for (const { untilMs } of entry.slots) this.#release(untilMs, entry);
        return;
      }
      case "loss":
        for (const slot of this.#taken) slot.isFree = false;
        return;
      case "change":
        if (entry.kept && entry.change.kind === "reset" && entry.change.limits === null) this.#taken = [];
    }
  }

  /** Checks a decision about a route with slots, and takes what it took. */
  decided(decision: Decision, isPeek: boolean, turn: Turn): void {
    const isBySlots = decision.violated.includes(SLOTS.name);
    const mayBeTaken = this.#taken.filter(({ untilMs, isFree }) => !isFree && untilMs > turn.localMs);
    if (isBySlots && mayBeTaken.length < SLOTS.max)
      this.#wrong("G2", "rejected for want of a slot, of which one is free", turn);
    const isBySlotsOnly = isBySlots && decision.violated.length === 1;
    if (isBySlotsOnly && !(decision.retryAfterMs !== null && decision.retryAfterMs <= RETRY_MS))
      this.#wrong("G2", `a slot may be free at any time, not in ${decision.retryAfterMs} ms`, turn);
    if (!decision.allowed || isPeek) return;
    for (const { untilMs } of decision.holds) this.#taken.push({ untilMs, isSent: false, isFree: false });
    const inProgress = this.#taken.filter(({ untilMs, isSent }) => !isSent && untilMs > this.#seenMs).length;
    if (inProgress > SLOTS.max) this.#wrong("G1", `${inProgress} requests in ${SLOTS.max} slots`, turn);
    if (decision.holds.length !== 1) this.#wrong("G1", "admitted without a slot", turn);
  }

  #release(untilMs: number, { isArrival, isStale }: { isArrival: boolean; isStale: boolean }): void {
    if (isArrival && isStale) return;
    const field = isArrival ? "isFree" : "isSent";
    const slot = this.#taken.find((one) => one.untilMs === untilMs && !one[field]);
    if (slot) slot[field] = true;
  }
}
