/**
 * Amounts and dates as documents print them: English, in UTC. Not by Intl: an update of the runtime must not change the bytes of a PDF.
 *
 * Never computes or rounds: it only groups and pads digits that are there.
 */

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const DAY_MS = 86_400_000;
const SHORT_MONTH = 3;

/** A decimal string with thousands grouped, and at least so many decimals: ("1234.5", 2) is "1,234.50". Other texts stay as they are. */
export function groupedDecimal(text: string, minDecimals = 0): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null) return text;
  const [, sign = "", whole = "", decimals = ""] = match;
  const grouped = BigInt(whole).toLocaleString("en-US");
  const padded = decimals.padEnd(minDecimals, "0");
  return `${sign}${grouped}${padded === "" ? "" : `.${padded}`}`;
}

/** "1 December 2026". */
export function dateText(ms: number): string {
  const date = new Date(ms);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

/**
 * A span whose end is exclusive: "1 Nov – 30 Nov 2026" if it begins and ends at midnight, as the last day is meant; else with times,
 * "11 Nov 2026, 09:30 – 1 Dec 2026, 00:00".
 */
export function spanText(startMs: number, endMs: number): string {
  if (startMs % DAY_MS !== 0 || endMs % DAY_MS !== 0) return `${timeText(startMs)} – ${timeText(endMs)}`;
  const lastMs = Math.max(startMs, endMs - DAY_MS);
  if (lastMs === startMs) return shortDate(startMs, true);
  const isOneYear = new Date(startMs).getUTCFullYear() === new Date(lastMs).getUTCFullYear();
  return `${shortDate(startMs, !isOneYear)} – ${shortDate(lastMs, true)}`;
}

function timeText(ms: number): string {
  return `${shortDate(ms, true)}, ${new Date(ms).toISOString().slice(11, 16)}`;
}

function shortDate(ms: number, hasYear: boolean): string {
  const date = new Date(ms);
  const month = MONTHS[date.getUTCMonth()]?.slice(0, SHORT_MONTH) ?? "";
  return `${date.getUTCDate()} ${month}${hasYear ? ` ${date.getUTCFullYear()}` : ""}`;
}
