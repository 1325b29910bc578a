/** Finds a page of the log: the candidates from the columns in memory, then their chunks from the table. Pure except for {@link StoredChunks}. */
import { compareRows } from "../../src/analytics/reports/decision-log.ts";
import { isOfRequest, type RequestScan, type Row, type Scan } from "../../src/analytics/reports/facts.ts";
import type { ChunkColumns, StoredColumns } from "./stored-columns.ts";
import { selected } from "./selection.ts";

interface Candidate {
  readonly atMs: number;
  readonly id: number;
  readonly place: number;
}

/** The stored chunks. */
export interface StoredChunks {
  /** The points of a chunk. */
  readonly read: (id: number) => readonly Row[];
  /** The chunks that may have points of a request. */
  readonly withRequest: (wanted: RequestScan) => ReadonlySet<number>;
}

/** Rows of the page, in the order of the log. */
export function logRows(columns: StoredColumns, scan: Scan, { read, withRequest }: StoredChunks): Row[] {
  const { after, limit, requestId } = scan;
  const shown = after?.shown ?? 0;
  const byChunk = new Map<number, number[]>();
  const ids = requestId === null ? null : withRequest({ ...scan, requestId });
  const chunks = [...columns.chunks].filter(({ id }) => ids === null || ids.has(id));
  // Request ids are not in memory: all rows of the few chunks that have one are read.
  const count = requestId === null ? limit + shown : Number.POSITIVE_INFINITY;
  for (const { id, place } of newest(columns, chunks, scan, count)) {
    const places = byChunk.get(id) ?? [];
    places.push(place);
    byChunk.set(id, places);
  }
  const rows: Row[] = [];
  for (const [id, places] of byChunk) {
    const stored = read(id);
    for (const place of places) {
      const row = stored[place];
      if (!row || (requestId !== null && !isOfRequest(row, requestId))) continue;
      if (!after || compareRows(row, after) >= 0) rows.push(row);
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
function newest(
  columns: StoredColumns,
  all: readonly ChunkColumns[],
  scan: Scan,
  count: number,
): Candidate[] {
  const lastMs = scan.after?.atMs ?? Number.POSITIVE_INFINITY;
  const chunks = all.filter(({ firstMs }) => firstMs <= lastMs).toSorted((a, b) => b.lastMs - a.lastMs);
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
