/**
 * A quota: so much per calendar hour, day or month, and not a millitoken more.
 *
 * The state names the period it counts in. A period once begun is finished under the end it began with, even when the policy
 * moves the anchor day, so a change of policy never hands out a second quota. Where the policy changes the kind of period (a
 * month to an hour), all that was used counts in the new kind's period of the last use: more than was used then, never
 * less. A clock that steps back over the boundary stays in the newer period.
 *
 * Pure: no I/O and no clock.
 */
import { type CalendarPeriod, periodAt } from "./calendar.ts";
import { MAX_EXACT } from "./units.ts";

/** A compiled quota. Made by {@link calendarQuota}. */
export interface CalendarQuota {
  readonly kind: "quota";
  readonly name: string;
  readonly amountMilli: number;
  readonly period: CalendarPeriod;
  readonly anchorDay: number;
}

/** What was used of one period. */
export interface QuotaState {
  readonly kind: "quota";
  readonly period: CalendarPeriod;
  readonly startMs: number;
  readonly endMs: number;
  readonly usedMilli: number;
  /** The latest moment that the state was brought to. */
  readonly atMs: number;
}

/** Compiles a quota. @returns null where the amount is not positive or too large, or the anchor day is not 1 to 31. */
export function calendarQuota(
  name: string,
  amountMilli: number,
  period: CalendarPeriod,
  anchorDay = 1,
): CalendarQuota | null {
  const fits = amountMilli > 0 && amountMilli <= MAX_EXACT;
  const anchored = Number.isInteger(anchorDay) && anchorDay >= 1 && anchorDay <= 31;
  return fits && anchored ? { kind: "quota", name, amountMilli, period, anchorDay } : null;
}

/** Nothing used of the period that `nowMs` lies in. */
export function fresh(limit: CalendarQuota, nowMs: number): QuotaState {
  return inPeriod(limit, nowMs, 0);
}

/** The state at `nowMs`: a new period where the old one has ended. */
export function at(limit: CalendarQuota, state: QuotaState, nowMs: number): QuotaState {
  const own = state.period === limit.period ? state : inPeriod(limit, state.atMs, state.usedMilli);
  if (nowMs >= own.endMs) return fresh(limit, nowMs);
  return nowMs > own.atMs ? used(own, own.usedMilli, nowMs) : own;
}

/**
 * Until when `costMilli` is refused: 0 where it passes now, the period's end, or Infinity where it never will. What costs
 * nothing always passes.
 */
export function blockedUntilMs(limit: CalendarQuota, state: QuotaState, costMilli: number): number {
  if (costMilli > limit.amountMilli) return Infinity;
  if (costMilli === 0) return 0;
  return state.usedMilli + costMilli <= limit.amountMilli ? 0 : state.endMs;
}

/** The state after `costMilli` more is used, whether or not the quota holds it: a floor may lie past the quota. */
export function spend(_limit: CalendarQuota, state: QuotaState, costMilli: number): QuotaState {
  return used(state, state.usedMilli + costMilli, state.atMs);
}

/** Millitokens left in the period, at least 0. */
export function remainingMilli(limit: CalendarQuota, state: QuotaState): number {
  return Math.max(0, limit.amountMilli - state.usedMilli);
}

/** When the period ends. */
export function resetsAtMs(_limit: CalendarQuota, state: QuotaState): number {
  return state.endMs;
}

/** Whether `floor` allows for at least all that `state` has used. Both must be brought to the same moment by {@link at}. */
export function covers(floor: QuotaState, state: QuotaState): boolean {
  return floor.startMs === state.startMs && floor.usedMilli >= state.usedMilli;
}

/** The length of the state's period in milliseconds: `w` of the RateLimit-Policy field. */
export function windowMs(_limit: CalendarQuota, state: QuotaState): number {
  return state.endMs - state.startMs;
}

/** Spelled out: copying by name costs several times as much, and this runs for each request. */
function used({ period, startMs, endMs }: QuotaState, usedMilli: number, atMs: number): QuotaState {
  return { kind: "quota", period, startMs, endMs, usedMilli, atMs };
}

function inPeriod(limit: CalendarQuota, atMs: number, usedMilli: number): QuotaState {
  const { period, anchorDay } = limit;
  return { kind: "quota", period, ...periodAt(period, atMs, anchorDay), usedMilli, atMs };
}
