/** Labels of a time axis in the viewer's time zone, as precise as the distance between the ticks. Pure. */
import { DAY_MS, MINUTE_MS, SECOND_MS } from "../shell/durations.ts";
import { clockText, dayText, minuteText, VIEWER_ZONE } from "../shell/moment.ts";

/**
 * @param ticksMs Unix ms, ascending. @param zone an IANA name; the viewer's zone by default.
 * @returns a label for each tick: with seconds if ticks are less than a minute apart, and with the date where a day begins.
 */
export function axisTimes(ticksMs: readonly number[], zone = VIEWER_ZONE): string[] {
  const [first = 0, second = first + MINUTE_MS] = ticksMs;
  const gapMs = second - first;
  const timeOf = gapMs < MINUTE_MS ? clockText : minuteText;
  return ticksMs.map((ms, i) => {
    const day = dayText(ms, ms, zone);
    const beforeMs = ticksMs[i - 1] ?? ms - SECOND_MS;
    const isNewDay = day !== dayText(beforeMs, beforeMs, zone);
    return gapMs >= DAY_MS || isNewDay ? day : timeOf(ms, zone);
  });
}
