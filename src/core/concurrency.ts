/**
 * A concurrency limit: a maximum number of requests in progress at once.
 *
 * A request takes a slot and releases it when it ends. A slot that is never released, since its isolate died, expires after the limit's
 * ttl, so the count can be too high for a while, never too low. Slots are identified only by the moment they expire: two that expire
 * together are interchangeable, so they need no ids.
 *
 * Pure: no I/O and no clock.
 */
import { REQUESTS } from "./unit-costs.ts";
import { MILLI } from "./units.ts";

/** A compiled concurrency limit. Made by {@link concurrencyLimit}. */
export interface ConcurrencyLimit {
  readonly kind: "concurrency";
  readonly name: string;
  /** What it counts: requests, whatever they cost. */
  readonly unit: typeof REQUESTS;
  readonly max: number;
  readonly ttlMs: number;
}

/** When each taken slot expires, earliest first. */
export interface ConcurrencyState {
  readonly kind: "concurrency";
  readonly slotsUntilMs: readonly number[];
}

/** More slots would make a state too large for its row. */
export const MAX_SLOTS = 1_000;

/**
 * How soon to ask again if no slot is free. A request may end at any moment; the ttl only bounds how long a lost slot is missing. A larger
 * value would idle clients, a smaller one would let them poll.
 */
const RETRY_MS = 1_000;

/** Compiles a limit of `max` slots. @returns null if a number is not a positive integer, or `max` exceeds {@link MAX_SLOTS}. */
export function concurrencyLimit(name: string, max: number, ttlMs: number): ConcurrencyLimit | null {
  const fits = Number.isInteger(max) && max >= 1 && max <= MAX_SLOTS && Number.isInteger(ttlMs) && ttlMs >= 1;
  return fits ? { kind: "concurrency", name, unit: REQUESTS, max, ttlMs } : null;
}

/** No slot taken. */
export function fresh(): ConcurrencyState {
  return { kind: "concurrency", slotsUntilMs: [] };
}

/** The state at `nowMs`, without expired slots. */
export function at(state: ConcurrencyState, nowMs: number): ConcurrencyState {
  const first = state.slotsUntilMs[0];
  if (first === undefined || first > nowMs) return state;
  return { kind: "concurrency", slotsUntilMs: state.slotsUntilMs.filter((untilMs) => untilMs > nowMs) };
}

/** Until when another request is rejected at the latest: 0 if a slot is free, else when the next one expires. */
export function blockedUntilMs(limit: ConcurrencyLimit, state: ConcurrencyState): number {
  return state.slotsUntilMs.length < limit.max ? 0 : (state.slotsUntilMs[0] ?? 0);
}

/** The state with one more slot, taken at `nowMs`. */
export function take(limit: ConcurrencyLimit, state: ConcurrencyState, nowMs: number): ConcurrencyState {
  return takeUntil(state, nowMs + limit.ttlMs);
}

/** The state with one more slot, which expires then. */
function takeUntil(state: ConcurrencyState, untilMs: number): ConcurrencyState {
  return { kind: "concurrency", slotsUntilMs: [...state.slotsUntilMs, untilMs].toSorted((a, b) => a - b) };
}

/** The state with a slot that expires later; unchanged if there is none that expires at `fromMs`, since it has expired. */
export function extend(state: ConcurrencyState, fromMs: number, untilMs: number): ConcurrencyState {
  const released = release(state, fromMs);
  return released === state ? state : takeUntil(released, untilMs);
}

/** The state without one slot that expires at `untilMs`; unchanged if there is none, since it has expired. */
export function release(state: ConcurrencyState, untilMs: number): ConcurrencyState {
  const index = state.slotsUntilMs.indexOf(untilMs);
  return index < 0 ? state : { kind: "concurrency", slotsUntilMs: state.slotsUntilMs.toSpliced(index, 1) };
}

/** Free slots, in millitokens: here one request is one token, whatever its cost. */
export function remainingMilli(limit: ConcurrencyLimit, state: ConcurrencyState): number {
  return Math.max(0, limit.max - state.slotsUntilMs.length) * MILLI;
}

/** When to ask again if no slot is free, else when all slots are free: at most a second from now, see {@link RETRY_MS}. */
export function resetsAtMs(limit: ConcurrencyLimit, state: ConcurrencyState, nowMs: number): number {
  const freeMs = blockedUntilMs(limit, state) || (state.slotsUntilMs.at(-1) ?? nowMs);
  return Math.min(freeMs, nowMs + RETRY_MS);
}

/** Whether `floor` has at least the slots of `state`, each for at least as long. */
export function covers(floor: ConcurrencyState, state: ConcurrencyState): boolean {
  const spare = floor.slotsUntilMs.length - state.slotsUntilMs.length;
  return (
    spare >= 0 && state.slotsUntilMs.every((untilMs, i) => untilMs <= (floor.slotsUntilMs[i + spare] ?? 0))
  );
}
