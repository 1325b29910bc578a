/**
 * A quota: so much per calendar hour, day or month, and not a millitoken more.
 *
 * The state names the period it counts in. A period once begun is finished under the end it began with, even when the
 * policy moves the anchor day, so a change of policy never hands out a second quota. A clock that steps back over the
 * boundary stays in the newer period.
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
  readonly startMs: number;
  readonly endMs: number;
  readonly usedMilli: number;
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
  return { kind: "quota", ...periodAt(limit.period, nowMs, limit.anchorDay), usedMilli: 0 };
}

/** The state at `nowMs`: a new period where the old one has ended. */
export function at(limit: CalendarQuota, state: QuotaState, nowMs: number): QuotaState {
  if (nowMs >= state.endMs) return fresh(limit, nowMs);
  const { endMs } = periodAt(limit.period, Math.max(nowMs, state.startMs), limit.anchorDay);
  return endMs < state.endMs ? { ...state, endMs } : state;
}

/** Until when `costMilli` is refused: 0 where it passes now, the period's end, or Infinity where it never will. */
export function blockedUntilMs(limit: CalendarQuota, state: QuotaState, costMilli: number): number {
  if (costMilli > limit.amountMilli) return Infinity;
  return state.usedMilli + costMilli <= limit.amountMilli ? 0 : state.endMs;
}

/** The state after `costMilli` more is used, whether or not the quota holds it: a floor may lie past the quota. */
export function spend(_limit: CalendarQuota, state: QuotaState, costMilli: number): QuotaState {
  return { ...state, usedMilli: state.usedMilli + costMilli };
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
