/**
 * Write-ahead reservation: how an object decides from memory and still never over-admits after a crash.
 *
 * Think of petty cash: the till writes into the ledger that it takes out a note, and then pays small sums from the note
 * without touching the ledger. Storage holds for each counter a floor, its state after R more tokens are spent. While the
 * live state stays above the floor, nothing is written. A decision that would go below it first writes the next floor. Whoever
 * restarts from the floor believes more was spent than was, never less; and a stale copy of an object can spend no more
 * than the note it took out, since refill moves the floor and the live state alike.
 *
 * Pure: no I/O and no clock.
 */
import { capacityMilli, covers, type LimitState, meterAt, spend } from "./limit.ts";
import type { Charge, PlanDecision, States } from "./plan.ts";
import { MILLI } from "./units.ts";

/**
 * Share of the smallest limit's capacity that one write reserves. Larger: fewer rows written, more lost by a crash. At 2 % a
 * crash costs a user at most 2 % of a burst once, refilled within 2 % of the window.
 */
export const RESERVED_SHARE = 0.02;

/** At least one token: a limit of fewer than 100 is written with every whole token, so a crash loses less than one of it. */
const LEAST_MILLI = 1 * MILLI;

/** At most so much, whatever the capacity: bounds what a crash can lose of a large quota, and of an unlimited tier's ledger. */
export const MOST_RESERVED_MILLI = 256 * MILLI;

/** How much one write reserves for a plan: decided by its smallest limit. Without limits it bounds the unwritten ledger. */
export function reservedMilli(charges: readonly Charge[]): number {
  let smallest = MOST_RESERVED_MILLI / RESERVED_SHARE;
  for (const { limit } of charges) smallest = Math.min(smallest, capacityMilli(limit));
  const share = smallest * RESERVED_SHARE;
  // Whole tokens, so that of a limit below 100 a write covers one whole cost and a crash loses none.
  return Math.max(LEAST_MILLI, share - (share % MILLI));
}

/** Whether the durable floors allow for the decision, so that it may be answered without a write. */
export function isReserved(
  charges: readonly Charge[],
  floors: States,
  decision: PlanDecision,
  nowMs: number,
): boolean {
  return charges.every(({ counter, limit }, i) => {
    const after = decision.after[i];
    return after !== undefined && covers(meterAt(limit, floors.get(counter), nowMs), after);
  });
}

/**
 * The floors to write before an allowed decision is answered: each charged counter as if `reserved` had been spent, or the
 * cost itself where that is more.
 */
export function nextFloors(
  charges: readonly Charge[],
  decision: PlanDecision,
  costMilli: number,
  reserved: number,
): [counter: string, floor: LimitState][] {
  const amountMilli = Math.max(reserved, costMilli);
  return charges.map(({ counter }, i) => {
    const before = decision.before[i];
    if (before === undefined) throw new RangeError("the decision is of another plan");
    return [counter, spend(before, amountMilli).state];
  });
}
