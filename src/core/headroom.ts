/**
 * Headroom: how an object decides from memory and still never over-admits after a crash.
 *
 * Think of petty cash: the till records in the ledger that it takes out a note, then pays small sums from the note without touching
 * the ledger. For each counter, storage holds a floor: the counter's state as it will be after a headroom of R more tokens is spent or
 * lent. While the floor covers what was spent and lent, nothing is written. If an answer would go below it, the object first writes the
 * next floor. An object that restarts from the floor believes that more was spent than was, never less.
 *
 * A floor is held: it begins to refill {@link FLOOR_HOLD_MS} after it was written, since what is lent does not refill before its lease
 * ends.
 *
 * Why a crash does not widen the bound of lease.ts: let P be the floor, and U what is lent and not written. P >= D + U holds whenever an
 * answer leaves, and until the last lease of U has ended. The object that starts from P has F' = C - P + the unspent part of U <= F, and
 * F' <= C until then. What was charged for leases that storage still has as open counts with P: the object that starts has all of them set
 * aside. Afterwards nobody spends U, and P falls by the rate at most. A stale copy of an object spends at most its own
 * P - D - U: until its floor refills, it has its own refill and the new object, which starts from that floor or a later one, has none;
 * then it is the other way round. Its writes fail.
 *
 * Pure: no I/O and no clock.
 */
import * as bucket from "./token-bucket.ts";
import { capacityMilli, covers, type Limit, type LimitState, type Meter, meterAt, spend } from "./limit.ts";
import type { Charge } from "./plan.ts";
import { REQUESTS } from "./unit-costs.ts";
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
 * The maximum in other units than requests, of which one request costs thousands: some sixteen requests of a language model, so that not
 * each of them is written.
 */
export const MAX_UNIT_HEADROOM_MILLI = 65_536 * MILLI;

/** A bucket's headroom is at least the refill of this time: what a crash loses is back as soon. */
export const HEADROOM_REFILL_MS = 5_000;

/** A bucket's headroom is at most this share of its capacity, however fast it refills. */
export const MAX_BUCKET_SHARE = 0.1;

/**
 * How long a floor is held before it refills. It covers the longest lease several times, so that one write serves many. A crash pauses
 * the refill of a bucket for as long.
 */
export const FLOOR_HOLD_MS = 5_000;

/** Part of a counter that was lent since the last write. Millitokens. */
export interface Unwritten {
  readonly milli: number;
  /** When no isolate can spend it any more. */
  readonly untilMs: number;
}

/** Part of a counter that was charged for leases that storage still has as open. Millitokens. */
export interface ChargedOpen {
  readonly milli: number;
  /** Until when an object that starts from storage has those leases set aside. */
  readonly untilMs: number;
}

const NOTHING_CHARGED: ChargedOpen = { milli: 0, untilMs: 0 };

/** The headroom of a plan's quotas and of the unwritten ledger in a unit: the smallest headroom of its limits of that unit. */
export function headroomMilli(charges: readonly Charge[], unit = REQUESTS): number {
  let least = maxHeadroomMilli(unit);
  for (const { limit } of charges) if (limit.unit === unit) least = Math.min(least, headroomOf(limit));
  return least;
}

function maxHeadroomMilli(unit: string): number {
  return unit === REQUESTS ? MAX_HEADROOM_MILLI : MAX_UNIT_HEADROOM_MILLI;
}

/** The headroom of one limit if no other is smaller. Whole tokens, so that a write covers whole costs. */
export function headroomOf(limit: Limit): number {
  if (limit.kind === "concurrency") return MAX_HEADROOM_MILLI;
  const capacity = (limit.kind === "quota" ? limit.stopsOthersMilli : undefined) ?? capacityMilli(limit);
  const share = Math.min(maxHeadroomMilli(limit.unit), capacity * HEADROOM_SHARE);
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

/**
 * Whether a floor covers what was spent and what is lent without being written, now and, for a bucket, until no isolate can spend it any
 * more. Only then may an answer that rests on it leave.
 */
export function isCovered(
  limit: Limit,
  floor: LimitState | undefined,
  state: LimitState | undefined,
  { milli, untilMs }: Unwritten,
  nowMs: number,
  charged: ChargedOpen = NOTHING_CHARGED,
): boolean {
  if (!coversAt(limit, floor, state, milli, charged, nowMs)) return false;
  const mayFallBehind = milli > 0 && limit.kind === "bucket" && untilMs > nowMs;
  return !mayFallBehind || coversAt(limit, floor, state, milli, charged, untilMs);
}

function coversAt(
  limit: Limit,
  floor: LimitState | undefined,
  state: LimitState | undefined,
  milli: number,
  charged: ChargedOpen,
  atMs: number,
): boolean {
  const meter = meterAt(limit, state, atMs);
  const stored = meterAt(limit, floor, atMs);
  const isHeld = charged.milli > 0 && atMs < charged.untilMs;
  return covers(isHeld ? spend(stored, charged.milli) : stored, milli === 0 ? meter : spend(meter, milli));
}

/**
 * The floor to write: the state as if the headroom were spent, of which this turn has spent `spentMilli` already. `exact`: the state.
 * @param headroom of the plan; a bucket has its own.
 */
export function nextFloor(
  limit: Limit,
  state: LimitState | undefined,
  headroom: number,
  spentMilli: number,
  exact: boolean,
  nowMs: number,
): LimitState {
  const meter = meterAt(limit, state, nowMs);
  if (exact || meter.kind === "concurrency") return meter.state;
  const own = meter.kind === "bucket" ? headroomOf(limit) : headroom;
  return held(spend(meter, Math.max(0, own - spentMilli)), nowMs);
}

function held({ kind, state }: Meter, nowMs: number): LimitState {
  return kind === "bucket" ? bucket.heldUntil(state, nowMs + FLOOR_HOLD_MS) : state;
}
