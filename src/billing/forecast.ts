/**
 * What an account will use until its period ends, from its usage on past days. Pure: no I/O, no clock.
 *
 * A day is expected to be like the same weekday in the last four weeks. The band is what the same method would have been wrong by in the
 * account's own past, over as many days: it promises nothing about the method, and is wide for an account that is hard to forecast. Amounts
 * are thousandths of a unit, or anything else that adds up.
 */

/** With fewer complete days there is no forecast: "not enough data yet". */
export const MIN_DAYS = 3;
/** With fewer, weekdays are not told apart. */
export const MIN_WEEKDAY_DAYS = 14;
/** Weekdays of the past that a day is expected to be like. */
const WEEKS = 4;
/** Older days are ignored: who uses a service changes. */
export const MAX_DAYS = 182;
/** The share of periods that should end within the band. */
export const COVERAGE = 0.8;
/** With fewer errors of the past, the share above has no meaning: one in five of them would lie outside. */
const MIN_ERRORS = 4;

export interface Horizon {
  /** What is left of the current day: above 0, at most 1. */
  readonly restOfToday: number;
  /** Whole days after it, at least 0. */
  readonly daysAfter: number;
}

export interface Forecast {
  /** What will be used from now on, not counting what is used already. */
  readonly expected: number;
  /** The band: about {@link COVERAGE} of periods end within it. Never negative. */
  readonly low: number;
  readonly high: number;
  /** Whether weekdays are told apart. */
  readonly byWeekday: boolean;
}

/**
 * @param days usage on complete days, oldest first, without gaps; the last is yesterday. At least 0 each.
 * @returns null with fewer than {@link MIN_DAYS} days.
 */
export function forecast(days: readonly number[], horizon: Horizon): Forecast | null {
  const known = days.slice(-MAX_DAYS);
  if (known.length < MIN_DAYS) return null;
  const expected = expectedOf(known, horizon);
  const byWeekday = known.length >= MIN_WEEKDAY_DAYS;
  const error = pastError(known, horizon);
  if (error !== null) {
    return { expected, low: Math.max(0, expected * (1 - error)), high: expected * (1 + error), byWeekday };
  }
  // Too few days to have been wrong on: all of them like the least, or like the most.
  const length = horizon.restOfToday + horizon.daysAfter;
  return { expected, low: length * Math.min(...known), high: length * Math.max(...known), byWeekday };
}

/** The sum over the horizon after the last of these days. */
function expectedOf(days: readonly number[], { restOfToday, daysAfter }: Horizon): number {
  let sum = 0;
  for (let ahead = 0; ahead <= daysAfter; ahead++)
    sum += (ahead === 0 ? restOfToday : 1) * expectedDay(days, ahead);
  return sum;
}

/** A day after the last one, 0 for the next. */
function expectedDay(days: readonly number[], ahead: number): number {
  const alike = days.length < MIN_WEEKDAY_DAYS ? days : sameWeekdays(days, ahead);
  return alike.reduce((sum, amount) => sum + amount, 0) / alike.length;
}

function sameWeekdays(days: readonly number[], ahead: number): number[] {
  const alike: number[] = [];
  for (let at = days.length + (ahead % 7) - 7; at >= 0 && alike.length < WEEKS; at -= 7)
    alike.push(days[at] ?? 0);
  return alike;
}

/**
 * How far a forecast may be wrong, as a share of itself: not exceeded by {@link COVERAGE} of what it would have been wrong by before, over the same
 * horizon. If the past is too short for that, over the longest one that it has.
 * @returns null: too short for any, or too rarely was anything expected.
 */
function pastError(days: readonly number[], { restOfToday, daysAfter }: Horizon): number | null {
  // Errors of forecasts without weekdays say little about forecasts with them.
  const fewest = days.length < MIN_WEEKDAY_DAYS + MIN_ERRORS ? MIN_DAYS : MIN_WEEKDAY_DAYS;
  const longest = days.length - fewest - MIN_ERRORS;
  if (longest < 0) return null;
  const past = { restOfToday, daysAfter: Math.min(daysAfter, longest) };
  const errors: number[] = [];
  for (let origin = fewest; origin + past.daysAfter < days.length; origin++) {
    const expected = expectedOf(days.slice(0, origin), past);
    if (expected === 0) continue;
    const actual = days
      .slice(origin, origin + past.daysAfter + 1)
      .reduce((sum, amount, i) => sum + (i === 0 ? restOfToday : 1) * amount, 0);
    errors.push(Math.abs(actual / expected - 1));
  }
  if (errors.length < MIN_ERRORS) return null;
  errors.sort((a, b) => a - b);
  // As in conformal prediction: the next error ranks anywhere among these with the same probability.
  return errors[Math.min(errors.length, Math.ceil((errors.length + 1) * COVERAGE)) - 1] ?? null;
}
