/** The ticks of the axes: at round values, and at round times in the viewer's time zone. Pure. */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../shell/durations.ts";

/** The steps of a time axis; longer ones are whole weeks. */
const TIME_STEPS_MS: readonly number[] = [
  ...[1, 2, 5, 10, 30].map((seconds) => seconds * SECOND_MS),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR_MS),
  DAY_MS,
  2 * DAY_MS,
  3 * DAY_MS,
];
const WEEK_MS = 7 * DAY_MS;

/**
 * From 0 to the first round value that is at least `highest`, in steps of 1, 2 or 5 times a power of ten.
 * @param count the approximate number of steps.
 */
export function valueTicks(highest: number, count: number): number[] {
  const top = highest > 0 && Number.isFinite(highest) ? highest : 1;
  const minStep = top / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(minStep));
  const factor = [1, 2, 5, 10].find((times) => times * power >= minStep) ?? 10;
  // Round the products: 3 * 0.1 is not 0.3.
  const steps = Math.ceil(top / (factor * power) - 1e-9);
  return Array.from({ length: steps + 1 }, (_none, i) => Number((i * factor * power).toPrecision(12)));
}

/**
 * Times between `fromMs` and `toMs`, at most `count`.
 * @param zoneMs the viewer's offset from UTC: positive to the east.
 */
export function timeTicks(fromMs: number, toMs: number, count: number, zoneMs: number): number[] {
  const minStep = (toMs - fromMs) / Math.max(1, count);
  const stepMs = TIME_STEPS_MS.find((ms) => ms >= minStep) ?? Math.ceil(minStep / WEEK_MS) * WEEK_MS;
  const ticks: number[] = [];
  for (let at = Math.ceil((fromMs + zoneMs) / stepMs) * stepMs - zoneMs; at <= toMs; at += stepMs) {
    ticks.push(at);
  }
  return ticks;
}
