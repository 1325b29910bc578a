/** Which time the overview is about, as its URL says it: one of some lengths until now, or from one moment to another. Pure. */
import type { PageAddress } from "../shell/page-address.ts";

export type Range =
  | { readonly kind: "last"; readonly name: string; readonly seconds: number; readonly title: string }
  | { readonly kind: "between"; readonly fromMs: number; readonly toMs: number };

/** Until now. Reports go by whole steps of 10 s to an hour in these. */
export const LENGTHS = [
  { kind: "last", name: "15m", seconds: 900, title: "15 minutes" },
  { kind: "last", name: "1h", seconds: 3_600, title: "hour" },
  { kind: "last", name: "6h", seconds: 21_600, title: "6 hours" },
  { kind: "last", name: "24h", seconds: 86_400, title: "24 hours" },
  { kind: "last", name: "7d", seconds: 604_800, title: "7 days" },
] as const satisfies Range[];

const SECOND_MS = 1_000;
/** Reports have steps of a second at least: a shorter time would be a single bar or two. */
const LEAST_MS = 10 * SECOND_MS;
/** Zooming out ends where the longest length does. */
const MOST_MS = 604_800 * SECOND_MS;
/** Reports are of no longer times: 93 days. */
const LONGEST_MS = 93 * 86_400 * SECOND_MS;
/** The embedded store keeps a day, so of longer times than half of one it does not know what was before. */
const HALF_A_DAY_MS = 43_200 * SECOND_MS;

/** What the URL's parameters ask for; the last hour where they say nothing that makes sense. */
export function rangeOf({ range, from, to }: PageAddress["params"]): Range {
  const fromMs = Date.parse(from ?? "");
  const toMs = Date.parse(to ?? "");
  const widthMs = toMs - fromMs;
  if (fromMs > 0 && widthMs >= SECOND_MS && widthMs <= LONGEST_MS) return { kind: "between", fromMs, toMs };
  return LENGTHS.find(({ name }) => name === range) ?? LENGTHS[1];
}

/** The URL's parameters for a range; "" takes one away. */
export function paramsOf(range: Range): Record<"range" | "from" | "to", string> {
  if (range.kind === "last") return { range: range.name, from: "", to: "" };
  return { range: "", from: iso(range.fromMs), to: iso(range.toMs) };
}

/** A report's path for it; the same as long as the range is. */
export function reportPath(name: string, range: Range, more: Readonly<Record<string, string>> = {}): string {
  const time =
    range.kind === "last"
      ? { last: String(range.seconds) }
      : { from: iso(range.fromMs), to: iso(range.toMs) };
  return `/api/v1/admin/reports/${name}?${new URLSearchParams({ ...time, ...more })}`;
}

/** A span that was chosen in a chart, in whole seconds, widened where it is too short to be cut into steps. */
export function zoomedTo(fromMs: number, toMs: number): Range {
  const lack = Math.max(0, LEAST_MS - (toMs - fromMs)) / 2;
  return {
    kind: "between",
    fromMs: Math.floor((fromMs - lack) / SECOND_MS) * SECOND_MS,
    toMs: Math.ceil((toMs + lack) / SECOND_MS) * SECOND_MS,
  };
}

/** Three times as long about the same middle; what would reach beyond now is the shortest length until now that holds it. */
export function zoomedOut(range: Range, nowMs: number): Range {
  if (range.kind === "last") return LENGTHS.find(({ seconds }) => seconds > range.seconds) ?? range;
  const widthMs = range.toMs - range.fromMs;
  const fromMs = range.fromMs - widthMs;
  const toMs = range.toMs + widthMs;
  if (toMs >= nowMs || 3 * widthMs > MOST_MS) {
    return LENGTHS.find(({ seconds }) => nowMs - seconds * SECOND_MS <= fromMs) ?? LENGTHS[4];
  }
  return { kind: "between", fromMs, toMs };
}

/** Whether the embedded store, which keeps the last day, can have all of the range and of the time before it. */
export function isWithinADay(range: Range, nowMs: number): boolean {
  if (range.kind === "last") return range.seconds * SECOND_MS <= HALF_A_DAY_MS;
  return nowMs - (2 * range.fromMs - range.toMs) <= 2 * HALF_A_DAY_MS;
}

/** How often to ask: the longer the range, the less a few seconds change it. */
export function pollEveryMs(range: Range): number {
  if (range.kind === "between") return 30_000;
  return range.seconds <= 3_600 ? 5_000 : 30_000;
}

/** What the range is called, and the period that it is compared with. */
export function titlesOf(range: Range): { readonly current: string; readonly previous: string } {
  if (range.kind === "between") return { current: "in this time", previous: "the same time before" };
  return { current: `in the last ${range.title}`, previous: `the ${range.title} before` };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
