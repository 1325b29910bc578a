/** Which rows of the columns a report looks at: those of its time and of its filters. */
import type { Selection } from "../../src/analytics/reports/facts.ts";
import { DIMENSIONS } from "../../src/analytics/reports/report-query.ts";
import type { EmbeddedColumns, HotSegment } from "./stored-columns.ts";

export interface SelectedRows {
  readonly segment: HotSegment;
  /** Of the first `count`: places of rows. Used again for the next run: read it at once. */
  readonly indices: Uint32Array;
  readonly count: number;
}

interface Wanted {
  readonly column: (segment: HotSegment) => Uint32Array;
  readonly id: number;
  /** Whether rows must have the value, or must not. */
  readonly has: boolean;
}

/** Run by run; those without any are left out. */
export function* selected(
  columns: EmbeddedColumns,
  { fromMs, toMs, filters, without = {} }: Selection,
  segments: Iterable<HotSegment> = columns.segments,
): Generator<SelectedRows> {
  const wanted: Wanted[] = [];
  for (const name of DIMENSIONS) {
    const [value, other] = [filters[name], without[name]];
    const column = (segment: HotSegment) => segment.texts[name];
    const unwanted = other === undefined ? null : columns.dictionaries[name].find(other);
    if (unwanted !== null) wanted.push({ column, id: unwanted, has: false });
    if (value === undefined) continue;
    const id = columns.dictionaries[name].find(value);
    if (id === null) return;
    wanted.push({ column, id, has: true });
  }
  let indices = new Uint32Array(1_024);
  for (const segment of segments) {
    if (segment.lastMs < fromMs || segment.firstMs >= toMs) continue;
    if (indices.length < segment.rows) indices = new Uint32Array(segment.rows);
    let count = 0;
    for (let i = 0; i < segment.rows; i++) {
      const atMs = segment.atMs[i] ?? 0;
      if (atMs >= fromMs && atMs < toMs) indices[count++] = i;
    }
    for (const { column, id, has } of wanted) {
      const values = column(segment);
      let left = 0;
      for (let n = 0; n < count; n++) {
        const i = indices[n] ?? 0;
        if ((values[i] === id) === has) indices[left++] = i;
      }
      count = left;
    }
    if (count > 0) yield { segment, indices, count };
  }
}
