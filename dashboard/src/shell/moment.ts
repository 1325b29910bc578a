/** Moments in words: 24 hours, in the viewer's time zone. One way to write each, everywhere. Pure, apart from the default zone. */
/** The viewer's time zone, such as "Europe/Berlin". */
export const VIEWER_ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;

interface Parts {
  readonly year: string;
  /** "30 Nov". */
  readonly day: string;
  /** "14:05". */
  readonly minute: string;
  /** "14:05:07". */
  readonly second: string;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function partsOf(ms: number, timeZone: string): Parts {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone,
      year: "numeric",
      month: "short",
      day: "numeric",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    });
    formats.set(timeZone, format);
  }
  const of: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
  for (const { type, value } of format.formatToParts(ms)) of[type] = value;
  const { year = "", month = "", day = "", hour = "", minute = "", second = "" } = of;
  // "Sept" is the one month of four letters.
  return {
    year,
    day: `${day} ${month.slice(0, 3)}`,
    minute: `${hour}:${minute}`,
    second: `${hour}:${minute}:${second}`,
  };
}

/** The time of day, "14:05:07". */
export function clockText(ms: number, zone = VIEWER_ZONE): string {
  return partsOf(ms, zone).second;
}

/** The time of day to the minute, "14:05". */
export function minuteText(ms: number, zone = VIEWER_ZONE): string {
  return partsOf(ms, zone).minute;
}

/** The day, "30 Nov"; with its year unless it is the year of `nowMs`. */
export function dayText(ms: number, nowMs: number, zone = VIEWER_ZONE): string {
  const { day, year } = partsOf(ms, zone);
  return year === partsOf(nowMs, zone).year ? day : `${day} ${year}`;
}

/** Day and time to the minute, "30 Nov 14:05"; with its year unless it is the year of `nowMs`. */
export function shortMoment(ms: number, nowMs: number, zone = VIEWER_ZONE): string {
  return `${dayText(ms, nowMs, zone)} ${minuteText(ms, zone)}`;
}

/** Day and time, "30 Nov 14:05:07"; with its year unless it is the year of `nowMs`. */
export function momentText(ms: number, nowMs: number, zone = VIEWER_ZONE): string {
  return `${dayText(ms, nowMs, zone)} ${clockText(ms, zone)}`;
}

/** In UTC, with the name of the zone that the moment is shown in: what a pointer sees when it rests on a time. */
export function utcText(ms: number, zone = VIEWER_ZONE): string {
  const utc = `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
  return zone === "UTC" ? utc : `${utc}, shown in ${zone}`;
}

/** The last day of a billing period, "31 Dec": periods end at midnight in UTC, which is not a day of them. */
export function lastDay(end: string, nowMs: number): string {
  return dayText(Date.parse(end) - 1, nowMs, "UTC");
}

/** The days of a billing period, in UTC: "1 Dec – 31 Dec", or "31 Dec". */
export function periodText({ start, end }: { start: string; end: string }, nowMs: number): string {
  const [first, last] = [dayText(Date.parse(start), nowMs, "UTC"), lastDay(end, nowMs)];
  return first === last ? last : `${first} – ${last}`;
}
