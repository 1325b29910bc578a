/**
 * The newest recorded decisions of a range, for a simulation, from the columns in memory and the stored chunks. Pure except for `read`.
 */
import { MILLI } from "../../src/core/units.ts";
import { unitCostsOf } from "../../src/analytics/unit-text.ts";
import { isReplayed, type Recorded } from "../../src/simulation/recorded.ts";
import type { RecordHead } from "../../src/simulation/simulation-answer.ts";
import type { StoredColumns } from "./stored-columns.ts";
import { columnOf, readNumbers, readTexts, type TextColumn, valueAt } from "./chunk.ts";
import type { StoredChunk } from "./chunk-table.ts";
import { selected, type SelectedRows } from "./selection.ts";

/** Columns that are not in memory. */
export const RECORDED_COLUMNS: readonly string[] = (
  ["cost", "units", "requests", "upstreamMs", "revision", "method"] as const
).map(columnOf);

/** Points beyond the limit that may collect before they are cut off. */
const SLACK = 4_096;

export interface RecordedRange extends RecordHead {
  readonly decisions: readonly Recorded[];
}

/**
 * Reads chunks, the newest first, until no other can have any of the newest `limit` points.
 * @param read the columns {@link RECORDED_COLUMNS} of a stored chunk; null if it is gone.
 */
export function recordedRange(
  columns: StoredColumns,
  range: { readonly fromMs: number; readonly toMs: number },
  limit: number,
  read: (id: number) => StoredChunk | null,
): RecordedRange {
  const chunks = [...columns.chunks].toSorted((a, b) => b.lastMs - a.lastMs);
  let decisions: Recorded[] = [];
  let sampled = false;
  let truncated = false;
  let { fromMs } = range;
  const cut = (): void => {
    if (decisions.length > limit) truncated = true;
    decisions = decisions.toSorted((a, b) => a.atMs - b.atMs).slice(-limit);
    if (truncated) fromMs = decisions[0]?.atMs ?? fromMs;
  };
  for (const rows of selected(columns, { ...range, filters: {} }, chunks)) {
    // Chunks overlap in time a little.
    if (rows.chunk.lastMs < fromMs) break;
    const stored = read(rows.chunk.id);
    if (stored) sampled = append(decisions, columns, rows, stored) || sampled;
    if (decisions.length > limit + SLACK) cut();
  }
  cut();
  const newest = decisions;
  return {
    decisions: newest,
    sampled,
    truncated,
    firstMs: newest.at(0)?.atMs ?? null,
    lastMs: newest.at(-1)?.atMs ?? null,
  };
}

/** Appends the chunk's selected decisions. Returns whether any stands for several points. */
function append(
  decisions: Recorded[],
  { dictionaries }: StoredColumns,
  { chunk, indices, count }: SelectedRows,
  stored: StoredChunk,
): boolean {
  const number = (field: "cost" | "requests" | "upstreamMs" | "revision"): readonly number[] =>
    readNumbers(stored[columnOf(field)]);
  const [costs, requests, upstream, revisions] = [
    number("cost"),
    number("requests"),
    number("upstreamMs"),
    number("revision"),
  ];
  const methods: TextColumn = readTexts(stored[columnOf("method")]);
  const units: TextColumn = readTexts(stored[columnOf("units")]);
  const text = (name: keyof typeof dictionaries, i: number): string =>
    dictionaries[name].values[chunk.texts[name][i] ?? 0] ?? "";
  let sampled = false;
  for (const i of indices.subarray(0, count)) {
    if (!isReplayed(text("reason", i), text("source", i))) continue;
    sampled ||= (chunk.halvings[i] ?? 0) > 0;
    const ownRequests = Math.max(1, valueAt(requests, i, 1));
    decisions.push({
      atMs: chunk.atMs[i] ?? 0,
      account: text("account", i),
      route: text("route", i),
      tier: text("tier", i),
      keyId: text("keyId", i),
      method: methods.values[valueAt(methods.indices, i, 0)] ?? "",
      revision: valueAt(revisions, i, 0),
      costMilli: Math.max(0, Math.round((valueAt(costs, i, 0) * MILLI) / ownRequests)),
      units: unitCostsOf(units.values[valueAt(units.indices, i, 0)] ?? "", ownRequests),
      upstreamMs: valueAt(upstream, i, 0),
      requests: Math.max(1, Math.round(chunk.requests[i] ?? 1)),
      wasDenied: text("outcome", i) === "denied",
    });
  }
  return sampled;
}
