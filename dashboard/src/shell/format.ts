/**
 * Numbers, durations and ranges for people, with units: one way to write each, everywhere. Never shows a missing value as zero, nor
 * digits that were not measured. Pure, apart from the default clock.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "./durations.ts";
import { clockText, dayText, minuteText, VIEWER_ZONE } from "./moment.ts";

const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const SMALL = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A count: compact from 10,000; two significant digits below 1, so that a small one is not shown as 0. */
export function count(value: number): string {
  if (Math.abs(value) < 1) return SMALL.format(value);
  return Math.abs(value) < 10_000 ? COUNT.format(value) : SHORT.format(value);
}

/** A count with its noun: "1 request", "12.3K requests". */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${value === 1 ? noun : `${noun}s`}`;
}

/** A rate, by the second, or by the minute if it is below one a second. */
export function rate(perSecond: number): string {
  if (perSecond === 0 || perSecond >= 1) return `${count(perSecond)}/s`;
  const perMinute = perSecond * 60;
  return perMinute < 0.1 ? "< 0.1/min" : `${COUNT.format(perMinute)}/min`;
}

/** `part` of `whole` in percent, to a tenth; "< 0.1 %" for less, "> 99.9 %" for almost all, and a dash if `whole` is 0. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return "–";
  const value = (part / whole) * 100;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  if (value > 99.9 && value < 100) return "> 99.9 %";
  return `${COUNT.format(value)} %`;
}

/**
 * Whole milliseconds, which is what a Worker's clock counts: 0 means less than one. Seconds from ten of them. A dash if nothing was
 * measured.
 */
export function milliseconds(ms: number | null | undefined): string {
  if (ms === undefined || ms === null) return "–";
  if (ms < 1) return "< 1 ms";
  return ms < 10_000 ? `${COUNT.format(Math.round(ms))} ms` : `${COUNT.format(Math.round(ms / SECOND_MS))} s`;
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

/** The largest unit that a duration has at least two of. */
function unitOf(ms: number): readonly [unit: string, ms: number] {
  return UNITS.find(([, of]) => ms >= 2 * of) ?? ["s", SECOND_MS];
}

/** A duration in the largest unit that it has at least two of; with a tenth below ten units. "< 0.1 s" for less, but never for none. */
export function duration(ms: number): string {
  if (ms > 0 && ms < SECOND_MS / 10) return "< 0.1 s";
  const [unit, unitMs] = unitOf(ms);
  const value = ms / unitMs;
  return `${value < 10 ? COUNT.format(value) : COUNT.format(Math.round(value))} ${unit}`;
}

/** ISO 8601, or Unix time in milliseconds. */
type Moment = string | number;

/** How long ago: "12 s ago", "5 min ago"; "now" for less than a second. */
export function ago(moment: Moment, nowMs = Date.now()): string {
  const agoMs = nowMs - new Date(moment).getTime();
  if (agoMs < SECOND_MS) return "now";
  const [unit, unitMs] = unitOf(agoMs);
  return `${Math.floor(agoMs / unitMs)} ${unit} ago`;
}

/**
 * From one moment to another: "30 Nov 13:05 – 14:05", "29 Nov 22:00 – 30 Nov 02:00". With seconds only if either has some, and with
 * the year only if it is not the current one.
 */
export function range(from: Moment, to: Moment, nowMs = Date.now(), zone = VIEWER_ZONE): string {
  const [fromMs, toMs] = [new Date(from).getTime(), new Date(to).getTime()];
  const timeOf = fromMs % MINUTE_MS === 0 && toMs % MINUTE_MS === 0 ? minuteText : clockText;
  const [fromDay, toDay] = [dayText(fromMs, nowMs, zone), dayText(toMs, nowMs, zone)];
  const until = `${fromDay === toDay ? "" : `${toDay} `}${timeOf(toMs, zone)}`;
  return `${fromDay} ${timeOf(fromMs, zone)} – ${until}`;
}
