/**
 * A quota: an amount per calendar hour, day or month, never exceeded by a millitoken.
 *
 * The state names the period it counts in and the period's calendar. A user's object never meters a limit by a state of another calendar
 * ({@link isOf}): it makes a new state from the ledger, which knows the usage of every period.
 *
 * Without a ledger (the local fallback, the simulator), {@link at} converts the state and never hands out a second quota: a month keeps
 * its original end if the anchor day moves, and if the kind of period changes (a month to an hour), all usage counts in the period of
 * the last use. If the clock steps back over a boundary, the state stays in the newer period.
 *
 * Pure: no I/O and no clock.
 */
import { type CalendarPeriod, periodAt } from "./calendar.ts";
import { REQUESTS } from "./unit-costs.ts";
import { MAX_EXACT, MAX_MILLI } from "./units.ts";

/** What may stop a quota beyond its included amount: a spend cap of the policy, the customer's own budget, or their credits. */
export const QUOTA_CAPS = ["spend_cap", "budget", "credits"] as const;
export type QuotaCap = (typeof QUOTA_CAPS)[number];

/** A compiled quota. Made by {@link calendarQuota}. */
export interface CalendarQuota {
  readonly kind: "quota";
  readonly name: string;
  /** What it counts. */
  readonly unit: string;
  /** The hard stop. */
  readonly amountMilli: number;
  /** Usage beyond it is overage. null: the quota has no allowance ({@link withAllowance}). */
  readonly includedMilli: number | null;
  /** What sets `amountMilli`; null: the quota's own amount, or nothing. */
  readonly cap: QuotaCap | null;
  readonly period: CalendarPeriod;
  readonly anchorDay: number;
  /** Set if the requests charged by it only count: the amount at which the quota stops others, of which a crash may lose a share. */
  readonly stopsOthersMilli?: number;
}

/** The amount of a quota that nothing caps. Not 2^52, so that tokens still distinguish thousandths; more than anyone uses in a month. */
export const UNCAPPED_MILLI = MAX_MILLI;

/** The usage of one period. */
export interface QuotaState {
  readonly kind: "quota";
  readonly period: CalendarPeriod;
  /** The anchor day of its limit; undefined in a state that an older Worker wrote. */
  readonly anchorDay?: number | undefined;
  readonly startMs: number;
  readonly endMs: number;
  readonly usedMilli: number;
  /** The latest moment that the state was updated to. */
  readonly atMs: number;
}

/** Compiles a quota. @returns null if the amount is not positive or too large, or the anchor day is not 1 to 31. */
export function calendarQuota(
  name: string,
  amountMilli: number,
  period: CalendarPeriod,
  anchorDay = 1,
  unit = REQUESTS,
): CalendarQuota | null {
  const fits = amountMilli > 0 && amountMilli <= MAX_EXACT;
  const anchored = Number.isInteger(anchorDay) && anchorDay >= 1 && anchorDay <= 31;
  return fits && anchored
    ? { kind: "quota", name, unit, amountMilli, includedMilli: null, cap: null, period, anchorDay }
    : null;
}

/** What an account's billing makes of its overage quota in the open period: by the quota's counter, in millitokens. */
export interface QuotaAllowance {
  readonly includedMilli: number;
  /** null: nothing caps it. */
  readonly amountMilli: number | null;
  /** null: the included amount, or nothing. */
  readonly cap: QuotaCap | null;
  readonly anchorDay: number;
}

/** The quota with an account's allowance: it counts in the account's billing period, and stops where that says. */
export function withAllowance(
  { kind, name, unit, period }: CalendarQuota,
  { includedMilli, amountMilli, cap, anchorDay }: QuotaAllowance,
): CalendarQuota {
  const stopMilli = Math.min(UNCAPPED_MILLI, amountMilli ?? UNCAPPED_MILLI);
  return { kind, name, unit, amountMilli: stopMilli, includedMilli, cap, period, anchorDay };
}

/** Nothing used in the period that contains `nowMs`. */
export function fresh(limit: CalendarQuota, nowMs: number): QuotaState {
  return inPeriod(limit, nowMs, 0);
}

/** Whether the state and the limit have the same periods. */
export function isOf(limit: CalendarQuota, state: QuotaState): boolean {
  return state.period === limit.period && state.anchorDay === limit.anchorDay;
}

/** The state at `nowMs`: of a new period if the old one has ended. */
export function at(limit: CalendarQuota, state: QuotaState, nowMs: number): QuotaState {
  const own = state.period === limit.period ? state : inPeriod(limit, state.atMs, state.usedMilli);
  if (nowMs >= own.endMs) return fresh(limit, nowMs);
  return nowMs > own.atMs ? used(own, own.usedMilli, nowMs) : own;
}

/**
 * Until when `costMilli` is rejected: 0 if it passes now, else the period's end; Infinity if it never passes. Cost 0 always passes. An
 * allowance is of one period: the next may have a larger one.
 */
export function blockedUntilMs(limit: CalendarQuota, state: QuotaState, costMilli: number): number {
  if (costMilli === 0) return 0;
  if (costMilli > limit.amountMilli && limit.includedMilli === null) return Infinity;
  return state.usedMilli + costMilli <= limit.amountMilli ? 0 : state.endMs;
}

/** The state after `costMilli` more is used, even beyond the quota: a floor may lie past it. */
export function spend(_limit: CalendarQuota, state: QuotaState, costMilli: number): QuotaState {
  return used(state, state.usedMilli + costMilli, state.atMs);
}

/** The state after `costMilli` of what was used is taken back. */
export function refund(_limit: CalendarQuota, state: QuotaState, costMilli: number): QuotaState {
  return used(state, Math.max(0, state.usedMilli - costMilli), state.atMs);
}

/** Millitokens left in the period, at least 0. */
export function remainingMilli(limit: CalendarQuota, state: QuotaState): number {
  return Math.max(0, limit.amountMilli - state.usedMilli);
}

/** When the period ends. */
export function resetsAtMs(_limit: CalendarQuota, state: QuotaState): number {
  return state.endMs;
}

/** Whether `floor` has at least as much used as `state`. Both must be brought to the same moment by {@link at}. */
export function covers(floor: QuotaState, state: QuotaState): boolean {
  return floor.startMs === state.startMs && floor.endMs === state.endMs && floor.usedMilli >= state.usedMilli;
}

/** The length of the state's period in milliseconds: `w` of the RateLimit-Policy field. */
export function windowMs(_limit: CalendarQuota, state: QuotaState): number {
  return state.endMs - state.startMs;
}

/** Field by field: a spread costs several times as much, and this runs for each request. */
function used(
  { period, anchorDay, startMs, endMs }: QuotaState,
  usedMilli: number,
  atMs: number,
): QuotaState {
  return { kind: "quota", period, anchorDay, startMs, endMs, usedMilli, atMs };
}

/** The state with `usedMilli` used in the period that contains `atMs`. */
export function inPeriod(limit: CalendarQuota, atMs: number, usedMilli: number): QuotaState {
  const { period, anchorDay } = limit;
  return { kind: "quota", period, anchorDay, ...periodAt(period, atMs, anchorDay), usedMilli, atMs };
}
