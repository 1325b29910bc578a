/** Frames of the live stream (src/analytics/live.ts defines the protocol), and the filters for it. Pure. */
import { isLiveRow } from "../decisions/decision-guards.ts";
import type { LiveFrame, LiveRow } from "../shell/answers.ts";
import { isListOf, isNumber, isShape } from "../shell/guards.ts";

/** The fields to filter by, which are also the names of the URL's parameters. */
export const FILTERS = [
  "account",
  "route",
  "tier",
  "outcome",
  "reason",
  "source",
] as const satisfies (keyof LiveRow)[];
export type LiveFilters = Readonly<Partial<Record<(typeof FILTERS)[number], string>>>;

/** As the hub limits it. */
export const MAX_FILTER_LENGTH = 256;

/** The filters in the URL's parameters. */
export function filtersOf(params: Readonly<Record<string, string>>): LiveFilters {
  const given = FILTERS.map((name) => [name, params[name]?.slice(0, MAX_FILTER_LENGTH)]);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined && value !== ""));
}

const isFrame = isShape<LiveFrame>({ seq: isNumber, rows: isListOf(isLiveRow), skipped: isNumber });

/** Null for anything but a frame: one malformed row rejects the frame. */
export function parseFrame(text: unknown): LiveFrame | null {
  try {
    const body: unknown = JSON.parse(String(text));
    return isFrame(body) ? body : null;
  } catch {
    return null;
  }
}

/** The frame without rows that do not match: frames for other filters may still be on their way when the filters change. */
export function matching(frame: LiveFrame, filters: LiveFilters): LiveFrame {
  const matches = (row: LiveRow) =>
    FILTERS.every((name) => filters[name] === undefined || filters[name] === row[name]);
  return { ...frame, rows: frame.rows.filter(matches) };
}
