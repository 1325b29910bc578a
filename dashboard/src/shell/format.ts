/** Numbers for people, with units. Pure. Never shows a missing value as zero. */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "./durations.ts";

const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const SMALL = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A count or a rate: compact from 10,000; two significant digits below 1, so that a small rate is not shown as 0. */
export function count(value: number): string {
  if (Math.abs(value) < 1) return SMALL.format(value);
  return Math.abs(value) < 10_000 ? COUNT.format(value) : SHORT.format(value);
}

/** `part` of `whole` in percent; a dash if `whole` is 0. */
export function percent(part: number, whole: number): string {
  return whole > 0 ? `${COUNT.format((part / whole) * 100)} %` : "–";
}

/** Milliseconds; a dash if nothing was measured. A Worker's clock counts whole ones, so 0 means less than one. */
export function milliseconds(ms: number | undefined): string {
  if (ms === undefined) return "–";
  if (ms === 0) return "< 1 ms";
  return ms < 10 ? `${ms.toFixed(2)} ms` : `${COUNT.format(Math.round(ms))} ms`;
}

/** A count in full, rounded to a tenth. */
export function exact(value: number): string {
  return COUNT.format(value);
}

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ["days", DAY_MS],
  ["h", HOUR_MS],
  ["min", MINUTE_MS],
  ["s", SECOND_MS],
];

/** A duration in the largest unit that it has at least two of; with a tenth below ten units. */
export function duration(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, of]) => ms >= 2 * of) ?? ["s", SECOND_MS];
  const value = ms / unitMs;
  return `${value < 10 ? COUNT.format(value) : COUNT.format(Math.round(value))} ${unit}`;
}
