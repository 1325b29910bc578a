/** Finds a page of the log: the candidates from the columns in memory, then their chunks from the table. Pure except for `read`. */
import { compareRows } from "../../src/analytics/reports/decision-log.ts";
import type { Row, Scan } from "../../src/analytics/reports/facts.ts";
import type { StoredColumns } from "./stored-columns.ts";
import { selected } from "./selection.ts";

interface Candidate {
  readonly atMs: number;
  readonly id: number;
  readonly place: number;
}

/** Rows of the page, in the order of the log. @param read the points of a stored chunk. */
export function logRows(columns: StoredColumns, scan: Scan, read: (id: number) => readonly Row[]): Row[] {
  const { after, limit } = scan;
  const shown = after?.shown ?? 0;
  const byChunk = new Map<number, number[]>();
  for (const { id, place } of newest(columns, scan, limit + shown)) {
    const places = byChunk.get(id) ?? [];
    places.push(place);
    byChunk.set(id, places);
  }
  const rows: Row[] = [];
  for (const [id, places] of byChunk) {
    const stored = read(id);
    for (const place of places) {
      const row = stored[place];
      if (row && (!after || compareRows(row, after) >= 0)) rows.push(row);
    }
  }
  // Sampling may have removed some rows that the cursor counts.
  const left = after ? rows.filter((row) => compareRows(row, after) === 0).length : 0;
  const skipped = Math.min(shown, left);
  return rows.toSorted(compareRows).slice(skipped, skipped + limit);
}

/**
 * The newest `count` of the selected rows before the cursor's moment, with all rows of the last one's moment, and all rows of the cursor's
 * own moment. Stops at the first chunk that is older than these.
 */
function newest(columns: StoredColumns, scan: Scan, count: number): Candidate[] {
  const lastMs = scan.after?.atMs ?? Number.POSITIVE_INFINITY;
  const chunks = [...columns.chunks]
    .filter(({ firstMs }) => firstMs <= lastMs)
    .toSorted((a, b) => b.lastMs - a.lastMs);
  const ofMoment: Candidate[] = [];
  let earlier: Candidate[] = [];
  let cutMs = Number.NEGATIVE_INFINITY;
  for (const chunk of chunks) {
    if (chunk.lastMs < cutMs) break;
    for (const { indices, count: found } of selected(columns, scan, [chunk])) {
      for (const place of indices.subarray(0, found)) {
        const atMs = chunk.atMs[place] ?? 0;
        if (atMs === lastMs) ofMoment.push({ atMs, id: chunk.id, place });
        else if (atMs < lastMs && atMs >= cutMs) earlier.push({ atMs, id: chunk.id, place });
      }
    }
    if (earlier.length < count) continue;
    const times = Float64Array.from(earlier, ({ atMs }) => atMs).toSorted();
    cutMs = times[times.length - count] ?? cutMs;
    earlier = earlier.filter(({ atMs }) => atMs >= cutMs);
  }
  return [...ofMoment, ...earlier];
}
