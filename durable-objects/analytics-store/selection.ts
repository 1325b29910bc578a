/** Selects the rows of a report: those of its time range that match its filters. */
import type { Selection } from "../../src/analytics/reports/facts.ts";
import { DIMENSIONS, SUBJECT_PREFIXES } from "../../src/analytics/reports/report-query.ts";
import type { ChunkColumns, StoredColumns } from "./stored-columns.ts";

export interface SelectedRows {
  readonly chunk: ChunkColumns;
  /** The first `count` are indices of rows. Reused for the next chunk: read it at once. */
  readonly indices: Uint32Array;
  readonly count: number;
}

interface Wanted {
  readonly column: (chunk: ChunkColumns) => Uint32Array;
  readonly id: number;
  /** Whether rows must have the value or must not have it. */
  readonly has: boolean;
}

/** Chunk by chunk; leaves out chunks without selected rows. */
export function* selected(
  columns: StoredColumns,
  { fromMs, toMs, filters, without = {}, subjects, search }: Selection,
  chunks: Iterable<ChunkColumns> = columns.chunks,
): Generator<SelectedRows> {
  const wanted: Wanted[] = [];
  for (const name of DIMENSIONS) {
    const [value, other] = [filters[name], without[name]];
    const column = (chunk: ChunkColumns) => chunk.texts[name];
    const unwanted = other === undefined ? null : columns.dictionaries[name].find(other);
    if (unwanted !== null) wanted.push({ column, id: unwanted, has: false });
    if (value === undefined) continue;
    const id = columns.dictionaries[name].find(value);
    if (id === null) return;
    wanted.push({ column, id, has: true });
  }
  const prefix = subjects && SUBJECT_PREFIXES[subjects];
  const isOfKind = prefix === undefined ? null : columns.dictionaries.account.startingWith(prefix);
  const contains = search ? columns.dictionaries[search.field].containing(search.text) : null;
  let indices = new Uint32Array(1_024);
  for (const chunk of chunks) {
    if (chunk.lastMs < fromMs || chunk.firstMs >= toMs) continue;
    if (indices.length < chunk.rows) indices = new Uint32Array(chunk.rows);
    let count = 0;
    for (let i = 0; i < chunk.rows; i++) {
      const atMs = chunk.atMs[i] ?? 0;
      if (atMs >= fromMs && atMs < toMs) indices[count++] = i;
    }
    for (const { column, id, has } of wanted) {
      const values = column(chunk);
      count = keepWhere(indices, count, (i) => (values[i] === id) === has);
    }
    if (isOfKind) count = keepWhere(indices, count, (i) => isOfKind[chunk.texts.account[i] ?? 0] === 1);
    if (search && contains) {
      const values = chunk.texts[search.field];
      count = keepWhere(indices, count, (i) => contains[values[i] ?? 0] === 1);
    }
    if (count > 0) yield { chunk, indices, count };
  }
}

/** Moves the indices that are wanted to the front. @returns how many they are. */
function keepWhere(indices: Uint32Array, count: number, isWanted: (index: number) => boolean): number {
  let left = 0;
  for (let n = 0; n < count; n++) {
    const i = indices[n] ?? 0;
    if (isWanted(i)) indices[left++] = i;
  }
  return left;
}
