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
import { capacityMilli, covers, type Limit, type LimitState, type Meter, meterAt, spend } from "./limit.ts";
import type { Charge, PlanDecision, States } from "./plan.ts";
import { type BucketState, owing } from "./token-bucket.ts";
import { MILLI } from "./units.ts";

/**
 * Share of the smallest limit's capacity that one write reserves. Larger: fewer rows written, more lost by a crash. At 2 % a
 * crash costs a user at most 2 % of a burst once, refilled within 2 % of the window.
 */
export const RESERVED_SHARE = 0.02;

/** At least one token: a quota of fewer than 100 is written with every whole token, so a crash loses less than one of it. */
const LEAST_MILLI = 1 * MILLI;

/** At most so much, whatever the capacity: bounds what a crash can lose of a large quota, and of an unlimited tier's ledger. */
export const MOST_RESERVED_MILLI = 256 * MILLI;

/**
 * A bucket's floor refills as the bucket does, and is of no use once it is full. So a bucket reserves what it refills in this time
 * where that is more: one write lasts so long, and what a crash loses is back as soon.
 */
export const REFILLED_MS = 5_000;

/** At most this share of a bucket's capacity, however fast it refills. */
export const MOST_SHARE = 0.1;

/**
 * A bucket of which that share refills in less than {@link REFILLED_MS} would be written about as often as its user comes, however
 * little of it he uses. So its floor may be held: it stays as it is, and begins to refill so much later at most. After a crash the
 * bucket is no emptier than by one reservation, but pauses refilling for the rest of that time.
 */
export const MOST_HELD_MS = 5_000;

/**
 * How much one write reserves for a plan: of each quota, and unwritten of the ledger. Decided by the limit that reserves least.
 */
export function reservedMilli(charges: readonly Charge[]): number {
  let least = MOST_RESERVED_MILLI;
  for (const { limit } of charges) least = Math.min(least, reservedOf(limit));
  return least;
}

/** How much one write reserves of one limit where no other is smaller. Whole tokens, so that a write covers whole costs. */
function reservedOf(limit: Limit): number {
  if (limit.kind === "concurrency") return MOST_RESERVED_MILLI;
  const capacity = capacityMilli(limit);
  const share = Math.min(MOST_RESERVED_MILLI, capacity * RESERVED_SHARE);
  if (limit.kind === "quota") return Math.max(LEAST_MILLI, wholeTokens(share));
  const refilled = (limit.grainsPerMs / limit.grainsPerMilli) * REFILLED_MS;
  return Math.max(LEAST_MILLI, wholeTokens(Math.max(share, Math.min(refilled, capacity * MOST_SHARE))));
}

function wholeTokens(milli: number): number {
  return milli - (milli % MILLI);
}

/** Whether the durable floors allow for the decision, so that it may be answered without a write. */
export function isReserved(
  charges: readonly Charge[],
  floors: States,
  decision: PlanDecision,
  nowMs: number,
): boolean {
  let i = 0;
  for (const { counter, limit } of charges) {
    const after = decision.after[i++];
    if (after === undefined || !covers(meterAt(limit, floors.get(counter), nowMs), after)) return false;
  }
  return true;
}

/**
 * The floors to write before an allowed decision is answered: each charged counter as if what a write reserves of it had been
 * spent, or the cost itself where that is more. `exact`: the cost alone.
 * @param pace how fast the user spends ({@link Pace}): for so long as a reservation lasts, a floor is worth being held.
 */
export function nextFloors(
  charges: readonly Charge[],
  decision: PlanDecision,
  costMilli: number,
  exact: boolean,
  pace: number,
): [counter: string, floor: LimitState][] {
  const reserved = reservedMilli(charges);
  return charges.map(({ counter }, i) => {
    const before = decision.before[i];
    if (before === undefined) throw new RangeError("the decision is of another plan");
    if (exact) return [counter, spend(before, costMilli).state];
    if (before.kind !== "bucket") return [counter, spend(before, Math.max(reserved, costMilli)).state];
    const amount = reservedOf(before.limit);
    return [
      counter,
      heldFloor(before, amount, costMilli, pace) ?? spend(before, Math.max(amount, costMilli)).state,
    ];
  });
}

/**
 * The floor of a bucket from which as much is spent as one reservation, and which refills later: null where it would last no
 * longer than one that refills at once, or that one lasts long enough.
 *
 * It is as safe. Until it refills, a stale copy spends what lies between its own debt and the floor, and what it refills itself;
 * whoever restarts from the floor has the rest, and no refill. Together that is what one bucket refills.
 */
function heldFloor(
  { limit, state }: Extract<Meter, { kind: "bucket" }>,
  amountMilli: number,
  costMilli: number,
  pace: number,
): BucketState | null {
  const milliPerMs = limit.grainsPerMs / limit.grainsPerMilli;
  if (limit.capacityMilli * MOST_SHARE >= milliPerMs * REFILLED_MS) return null;
  const debtMilli = Math.ceil(state.debtGrains / limit.grainsPerMilli);
  const heldMs = Math.floor(Math.min(MOST_HELD_MS, (amountMilli - debtMilli - costMilli) / pace));
  return heldMs > (amountMilli + debtMilli) / milliPerMs
    ? owing(limit, amountMilli, state.atMs + heldMs)
    : null;
}

/** How fast a user spends, measured from one write of its floors to the next. */
export class Pace {
  #spentMilli = 0;
  #sinceMs = Infinity;

  spend(costMilli: number): void {
    this.#spentMilli += costMilli;
  }

  /** Millitokens per millisecond up to a write at `nowMs`, from which the next is measured; Infinity before the first. */
  upTo(nowMs: number): number {
    const elapsedMs = nowMs - this.#sinceMs;
    // Within a millisecond, or over a clock that steps back, nothing is known.
    const pace = elapsedMs > 0 ? this.#spentMilli / elapsedMs : Infinity;
    this.#spentMilli = 0;
    this.#sinceMs = nowMs;
    return pace;
  }
}
