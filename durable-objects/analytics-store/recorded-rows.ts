/**
 * The newest recorded decisions of a range, for a simulation: what the columns in memory have, and the rest from the stored runs.
 * Pure but for `read`.
 */
import { MILLI } from "../../src/core/units.ts";
import { isReplayed, type Recorded } from "../../src/simulation/recorded.ts";
import type { RecordHead } from "../../src/simulation/simulation-answer.ts";
import type { EmbeddedColumns } from "./stored-columns.ts";
import { columnOf, readNumbers, readTexts, type TextColumn, valueAt } from "./chunk.ts";
import { selected, type SelectedRows } from "./selection.ts";

/** Columns that are not in memory. */
export const RECORDED_COLUMNS: readonly string[] = (
  ["cost", "requests", "upstreamMs", "revision", "method"] as const
).map(columnOf);

/** Points beyond those wanted, between two times that they are cut off. */
const SLACK = 4_096;

export interface RecordedRange extends RecordHead {
  readonly decisions: readonly Recorded[];
}

type StoredRun = Readonly<Record<string, unknown>>;

/**
 * By runs, the newest first, until no run can have any of the newest `most`.
 * @param read the columns {@link RECORDED_COLUMNS} of a stored run; null where it is gone.
 */
export function recordedRange(
  columns: EmbeddedColumns,
  range: { readonly fromMs: number; readonly toMs: number },
  most: number,
  read: (id: number) => StoredRun | null,
): RecordedRange {
  const runs = [...columns.segments].toSorted((a, b) => b.lastMs - a.lastMs);
  let decisions: Recorded[] = [];
  let sampled = false;
  let truncated = false;
  let { fromMs } = range;
  const cut = (): void => {
    if (decisions.length > most) truncated = true;
    decisions = decisions.toSorted((a, b) => a.atMs - b.atMs).slice(-most);
    if (truncated) fromMs = decisions[0]?.atMs ?? fromMs;
  };
  for (const rows of selected(columns, { ...range, filters: {} }, runs)) {
    // Runs overlap in time a little.
    if (rows.segment.lastMs < fromMs) break;
    const stored = read(rows.segment.id);
    if (stored) sampled = append(decisions, columns, rows, stored) || sampled;
    if (decisions.length > most + SLACK) cut();
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

/** Puts the run's selected decisions to the list. Returns whether any stood for several points. */
function append(
  decisions: Recorded[],
  { dictionaries }: EmbeddedColumns,
  { segment, indices, count }: SelectedRows,
  stored: StoredRun,
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
  const text = (name: keyof typeof dictionaries, i: number): string =>
    dictionaries[name].values[segment.texts[name][i] ?? 0] ?? "";
  let sampled = false;
  for (const i of indices.subarray(0, count)) {
    if (!isReplayed(text("reason", i), text("source", i))) continue;
    sampled ||= segment.sampled[i] === 1;
    const ownRequests = Math.max(1, valueAt(requests, i, 1));
    decisions.push({
      atMs: segment.atMs[i] ?? 0,
      account: text("account", i),
      route: text("route", i),
      tier: text("tier", i),
      keyId: text("keyId", i),
      method: methods.values[valueAt(methods.indices, i, 0)] ?? "",
      revision: valueAt(revisions, i, 0),
      costMilli: Math.max(0, Math.round((valueAt(costs, i, 0) * MILLI) / ownRequests)),
      upstreamMs: valueAt(upstream, i, 0),
      requests: Math.max(1, Math.round(segment.requests[i] ?? 1)),
      wasDenied: text("outcome", i) === "denied",
    });
  }
  return sampled;
}
