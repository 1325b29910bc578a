/**
 * Headroom: how an object decides from memory and still never over-admits after a crash.
 *
 * Think of petty cash: the till records in the ledger that it takes out a note, then pays small sums from the note without touching
 * the ledger. For each counter, storage holds a floor: the counter's state after a headroom of R more tokens is spent. While the live
 * state stays above the floor, nothing is written. A decision that would take it below the floor first writes the next floor. An object
 * that restarts from the floor believes that more was spent than was, never less. A stale copy of an object can spend no more than the
 * headroom it wrote, since refill moves the floor and the live state alike.
 *
 * Pure: no I/O and no clock.
 */
import { capacityMilli, covers, type Limit, type LimitState, type Meter, meterAt, spend } from "./limit.ts";
import type { Charge, PlanDecision, States } from "./plan.ts";
import { type BucketState, owing } from "./token-bucket.ts";
import { MILLI } from "./units.ts";

/**
 * Headroom as a share of the smallest limit's capacity. Larger: fewer rows written, but a crash loses more. At 2 %, a crash costs a user
 * at most 2 % of a burst once, refilled within 2 % of the window.
 */
export const HEADROOM_SHARE = 0.02;

/** At least one token: a quota of fewer than 100 tokens is written with every whole token, so a crash loses less than one. */
const MIN_HEADROOM_MILLI = 1 * MILLI;

/** The maximum, whatever the capacity: bounds what a crash can lose of a large quota, and of an unlimited tier's ledger. */
export const MAX_HEADROOM_MILLI = 256 * MILLI;

/**
 * A bucket's floor refills as the bucket does, and is useless once it is full. So a bucket's headroom is at least the refill of this
 * time: one write lasts that long, and what a crash loses is back as soon.
 */
export const HEADROOM_REFILL_MS = 5_000;

/** A bucket's headroom is at most this share of its capacity, however fast it refills. */
export const MAX_BUCKET_SHARE = 0.1;

/**
 * A bucket that refills that share in less than {@link HEADROOM_REFILL_MS} would be written about as often as its user sends a request,
 * however little of it they use. So its floor may be held: it stays unchanged for at most this time before it begins to refill. After
 * a crash the bucket is emptier by at most one headroom, but does not refill for the rest of that time.
 */
export const MAX_FLOOR_HOLD_MS = 5_000;

/** The headroom of a plan's quotas and of the unwritten ledger: the smallest headroom of its limits. */
export function headroomMilli(charges: readonly Charge[]): number {
  let least = MAX_HEADROOM_MILLI;
  for (const { limit } of charges) least = Math.min(least, headroomOf(limit));
  return least;
}

/** The headroom of one limit if no other is smaller. Whole tokens, so that a write covers whole costs. */
function headroomOf(limit: Limit): number {
  if (limit.kind === "concurrency") return MAX_HEADROOM_MILLI;
  const capacity = capacityMilli(limit);
  const share = Math.min(MAX_HEADROOM_MILLI, capacity * HEADROOM_SHARE);
  if (limit.kind === "quota") return Math.max(MIN_HEADROOM_MILLI, wholeTokens(share));
  const refilled = (limit.grainsPerMs / limit.grainsPerMilli) * HEADROOM_REFILL_MS;
  return Math.max(
    MIN_HEADROOM_MILLI,
    wholeTokens(Math.max(share, Math.min(refilled, capacity * MAX_BUCKET_SHARE))),
  );
}

function wholeTokens(milli: number): number {
  return milli - (milli % MILLI);
}

/** Whether the stored floors cover the decision, so that it may be answered without a write. */
export function floorsCover(
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
 * The floors to write before an allowed decision is answered: each charged counter as if its headroom were spent, or the cost if that
 * is more. `exact`: the cost alone.
 * @param pace how fast the user spends ({@link Pace}): a floor is worth holding for as long as the headroom lasts.
 */
export function nextFloors(
  charges: readonly Charge[],
  decision: PlanDecision,
  costMilli: number,
  exact: boolean,
  pace: number,
): [counter: string, floor: LimitState][] {
  const headroom = headroomMilli(charges);
  return charges.map(({ counter }, i) => {
    const before = decision.before[i];
    if (before === undefined) throw new RangeError("the decision was made for other charges");
    if (exact) return [counter, spend(before, costMilli).state];
    if (before.kind !== "bucket") return [counter, spend(before, Math.max(headroom, costMilli)).state];
    const amount = headroomOf(before.limit);
    return [
      counter,
      heldFloor(before, amount, costMilli, pace) ?? spend(before, Math.max(amount, costMilli)).state,
    ];
  });
}

/**
 * The floor of a bucket with one headroom spent that begins to refill later. Null if it would last no longer than a floor that refills
 * at once, or if that one lasts long enough.
 *
 * It is as safe. Until it begins to refill, a stale copy spends the difference between its own debt and the floor, and its own refill;
 * an object that restarts from the floor has the rest, and no refill. Together that is the refill of one bucket.
 */
function heldFloor(
  { limit, state }: Extract<Meter, { kind: "bucket" }>,
  amountMilli: number,
  costMilli: number,
  pace: number,
): BucketState | null {
  const milliPerMs = limit.grainsPerMs / limit.grainsPerMilli;
  if (limit.capacityMilli * MAX_BUCKET_SHARE >= milliPerMs * HEADROOM_REFILL_MS) return null;
  const debtMilli = Math.ceil(state.debtGrains / limit.grainsPerMilli);
  const heldMs = Math.floor(Math.min(MAX_FLOOR_HOLD_MS, (amountMilli - debtMilli - costMilli) / pace));
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

  /** Millitokens per millisecond since the last write, up to a write at `nowMs`; Infinity before the first. */
  upTo(nowMs: number): number {
    const elapsedMs = nowMs - this.#sinceMs;
    // Unknown within a millisecond, or if the clock steps back.
    const pace = elapsedMs > 0 ? this.#spentMilli / elapsedMs : Infinity;
    this.#spentMilli = 0;
    this.#sinceMs = nowMs;
    return pace;
  }
}
