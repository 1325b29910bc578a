/** The time range of a screen, kept in its URL: one of some lengths until now, or between two moments. Pure. */
import { DAY_MS, MINUTE_MS, SECOND_MS } from "./durations.ts";
import type { PageAddress } from "./page-address.ts";
import { withQuery } from "./query.ts";

export type TimeRange =
  | { readonly kind: "last"; readonly name: string; readonly seconds: number; readonly title: string }
  | { readonly kind: "between"; readonly fromMs: number; readonly toMs: number };

/** Ranges that end now. Reports divide them into whole steps of 10 s to an hour. */
export const LENGTHS = [
  { kind: "last", name: "15m", seconds: 900, title: "15 minutes" },
  { kind: "last", name: "1h", seconds: 3_600, title: "hour" },
  { kind: "last", name: "6h", seconds: 21_600, title: "6 hours" },
  { kind: "last", name: "24h", seconds: 86_400, title: "24 hours" },
  { kind: "last", name: "7d", seconds: 604_800, title: "7 days" },
] as const satisfies TimeRange[];

/** Steps of a report are at least a second: a shorter range would be a bar or two. */
const MIN_ZOOM_MS = 10 * SECOND_MS;
/** Zooming out stops at the longest length. */
const MAX_ZOOM_MS = 7 * DAY_MS;
/** Reports cover at most 93 days. */
const MAX_RANGE_MS = 93 * DAY_MS;
/** The embedded store keeps a day, so it lacks the period before a range of more than half a day. */
const HALF_A_DAY_MS = DAY_MS / 2;

/** The range in the URL's parameters; the usual one, by default the last hour, if they are missing or invalid. */
export function rangeOf(
  { range, from, to }: PageAddress["params"],
  usual: TimeRange = LENGTHS[1],
): TimeRange {
  const fromMs = Date.parse(from ?? "");
  const toMs = Date.parse(to ?? "");
  const widthMs = toMs - fromMs;
  if (fromMs > 0 && widthMs >= SECOND_MS && widthMs <= MAX_RANGE_MS) {
    return { kind: "between", fromMs, toMs };
  }
  return LENGTHS.find(({ name }) => name === range) ?? usual;
}

/** The URL's parameters for a range; "" removes one. */
export function paramsOf(range: TimeRange): Record<"range" | "from" | "to", string> {
  if (range.kind === "last") return { range: range.name, from: "", to: "" };
  return { range: "", from: iso(range.fromMs), to: iso(range.toMs) };
}

/** The start and the end, Unix ms. */
export function boundsOf(range: TimeRange, nowMs: number): readonly [fromMs: number, toMs: number] {
  return range.kind === "last" ? [nowMs - range.seconds * SECOND_MS, nowMs] : [range.fromMs, range.toMs];
}

/** As {@link localText} writes it; seconds may be missing. */
const LOCAL_TIME = /^(\d{4}-\d{2}-\d{2})[ T](\d{1,2}):(\d{2})(:\d{2})?$/;

/** The range between two times in the viewer's time zone, as a person types them; null if it is not one. */
export function betweenLocal(from: string, to: string): TimeRange | null {
  const range = rangeOf({ from: isoAt(from), to: isoAt(to) });
  return range.kind === "between" ? range : null;
}

/** "" if it is not a time. */
function isoAt(typed: string): string {
  const [, day, hour = "", minute = "", second = ":00"] = LOCAL_TIME.exec(typed.trim()) ?? [];
  const ms =
    day === undefined ? NaN : new Date(`${day}T${hour.padStart(2, "0")}:${minute}${second}`).getTime();
  return Number.isNaN(ms) ? "" : iso(ms);
}

/** A moment in the viewer's time zone, "2026-11-30 14:05:07": a browser's own input would show twelve hours to some. */
export function localText(ms: number): string {
  const offsetMs = new Date(ms).getTimezoneOffset() * MINUTE_MS;
  return new Date(ms - offsetMs).toISOString().slice(0, 19).replace("T", " ");
}

/** The path of a report on the range; the same path as long as the range is the same. */
export function reportPath(
  name: string,
  range: TimeRange,
  more: Readonly<Record<string, string>> = {},
): string {
  const time =
    range.kind === "last"
      ? { last: String(range.seconds) }
      : { from: iso(range.fromMs), to: iso(range.toMs) };
  return withQuery(`/api/v1/admin/reports/${name}`, { ...time, ...more });
}

/** A span that was selected in a chart, in whole seconds, widened to the shortest zoom if needed. */
export function zoomedTo(fromMs: number, toMs: number): TimeRange {
  const missingMs = Math.max(0, MIN_ZOOM_MS - (toMs - fromMs)) / 2;
  return {
    kind: "between",
    fromMs: Math.floor((fromMs - missingMs) / SECOND_MS) * SECOND_MS,
    toMs: Math.ceil((toMs + missingMs) / SECOND_MS) * SECOND_MS,
  };
}

/** Three times as long around the same centre. If that reaches beyond now: the shortest length until now that contains it. */
export function zoomedOut(range: TimeRange, nowMs: number): TimeRange {
  if (range.kind === "last") return LENGTHS.find(({ seconds }) => seconds > range.seconds) ?? range;
  const widthMs = range.toMs - range.fromMs;
  const fromMs = range.fromMs - widthMs;
  const toMs = range.toMs + widthMs;
  if (toMs >= nowMs || 3 * widthMs > MAX_ZOOM_MS) {
    return LENGTHS.find(({ seconds }) => nowMs - seconds * SECOND_MS <= fromMs) ?? LENGTHS[4];
  }
  return { kind: "between", fromMs, toMs };
}

/** Whether the embedded store, which keeps one day, can contain the range and the period before it. */
export function isWithinADay(range: TimeRange, nowMs: number): boolean {
  if (range.kind === "last") return range.seconds * SECOND_MS <= HALF_A_DAY_MS;
  return nowMs - (2 * range.fromMs - range.toMs) <= 2 * HALF_A_DAY_MS;
}

/** How often to poll: a few seconds change a long range little. */
export function pollEveryMs(range: TimeRange): number {
  if (range.kind === "between") return 30_000;
  return range.seconds <= 3_600 ? 5_000 : 30_000;
}

/** How to name the range. */
export function titleOf(range: TimeRange): string {
  return range.kind === "between" ? "in this period" : `in the last ${range.title}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
