/** Labels of a time axis in the viewer's time zone, as precise as the distance between the ticks. Pure. */
import { DAY_MS, MINUTE_MS, SECOND_MS } from "../shell/durations.ts";

/**
 * @param ticksMs Unix ms, ascending. @param timeZone an IANA name; the viewer's zone by default. @param locale BCP 47.
 * @returns a label for each tick: with seconds if ticks are less than a minute apart, and with the date where a day begins.
 */
export function axisTimes(ticksMs: readonly number[], timeZone?: string, locale?: string): string[] {
  const [first = 0, second = first + MINUTE_MS] = ticksMs;
  const gapMs = second - first;
  const zone = timeZone === undefined ? {} : { timeZone };
  const clock = new Intl.DateTimeFormat(locale, {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...(gapMs < MINUTE_MS ? { second: "2-digit" } : {}),
    ...zone,
  });
  const date = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", ...zone });
  return ticksMs.map((ms, i) => {
    const day = date.format(ms);
    const isNewDay = day !== date.format(ticksMs[i - 1] ?? ms - SECOND_MS);
    return gapMs >= DAY_MS || isNewDay ? day : clock.format(ms);
  });
}

/** A moment in full, for the legend and the range of a screen. */
export function fullTime(ms: number, timeZone?: string, locale?: string): string {
  return new Intl.DateTimeFormat(locale, {
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(ms);
}
