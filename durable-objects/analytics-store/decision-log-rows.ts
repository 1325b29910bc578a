/** Finds a page of the log: candidates by the columns in memory, then only their runs are read from the table. Pure but for `read`. */
import { compareRows } from "../../src/analytics/reports/decision-log.ts";
import type { Row, Scan } from "../../src/analytics/reports/facts.ts";
import type { EmbeddedColumns } from "./stored-columns.ts";
import { selected } from "./selection.ts";

interface Candidate {
  readonly atMs: number;
  readonly id: number;
  readonly place: number;
}

/** Rows of the page, in the order of the log. `read`: the points of a stored run. */
export function logRows(columns: EmbeddedColumns, scan: Scan, read: (id: number) => readonly Row[]): Row[] {
  const { after, limit } = scan;
  const shown = after?.shown ?? 0;
  const byRun = new Map<number, number[]>();
  for (const { id, place } of newest(columns, scan, limit + shown)) {
    const places = byRun.get(id) ?? [];
    places.push(place);
    byRun.set(id, places);
  }
  const rows: Row[] = [];
  for (const [id, places] of byRun) {
    const stored = read(id);
    for (const place of places) {
      const row = stored[place];
      if (row && (!after || compareRows(row, after) >= 0)) rows.push(row);
    }
  }
  // Sampling may have removed some of those that the cursor counts.
  const left = after ? rows.filter((row) => compareRows(row, after) === 0).length : 0;
  const skipped = Math.min(shown, left);
  return rows.toSorted(compareRows).slice(skipped, skipped + limit);
}

/**
 * The newest so many of the selected rows before the cursor's moment, all others of the moment of the last of them, and all of
 * the cursor's own moment. Looks at no run that is older than what it has.
 */
function newest(columns: EmbeddedColumns, scan: Scan, count: number): Candidate[] {
  const lastMs = scan.after?.atMs ?? Number.POSITIVE_INFINITY;
  const segments = [...columns.segments]
    .filter(({ firstMs }) => firstMs <= lastMs)
    .toSorted((a, b) => b.lastMs - a.lastMs);
  const ofMoment: Candidate[] = [];
  let earlier: Candidate[] = [];
  let cutMs = Number.NEGATIVE_INFINITY;
  for (const segment of segments) {
    if (segment.lastMs < cutMs) break;
    for (const { indices, count: found } of selected(columns, scan, [segment])) {
      for (const place of indices.subarray(0, found)) {
        const atMs = segment.atMs[place] ?? 0;
        if (atMs === lastMs) ofMoment.push({ atMs, id: segment.id, place });
        else if (atMs < lastMs && atMs >= cutMs) earlier.push({ atMs, id: segment.id, place });
      }
    }
    if (earlier.length < count) continue;
    const times = Float64Array.from(earlier, ({ atMs }) => atMs).toSorted();
    cutMs = times[times.length - count] ?? cutMs;
    earlier = earlier.filter(({ atMs }) => atMs >= cutMs);
  }
  return [...ofMoment, ...earlier];
}
