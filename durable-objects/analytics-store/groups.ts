/** Sums columns by group, in one pass, and finds percentiles by counting. Pure: reads the columns, changes nothing. */
import { SECOND_MS } from "../../src/core/time.ts";
import { UNDECIDED } from "../../src/analytics/outcome.ts";
import { type Aggregation, type Group, LEVELS } from "../../src/analytics/reports/facts.ts";
import { msOfStep, SCALE_STEPS, stepOfMs } from "../../src/analytics/reports/latency-scale.ts";
import { thousandths } from "../../src/analytics/reports/report-parts.ts";
import { compareUtf8 } from "../../src/analytics/reports/utf8-order.ts";
import { GroupCodes } from "./group-codes.ts";
import { PercentileCounter } from "./percentiles.ts";
import { selected } from "./selection.ts";
import type { StoredColumns } from "./stored-columns.ts";
import { topOf } from "./top.ts";

/** Sums of each group. */
interface Sums {
  readonly requests: number[];
  readonly allowed: number[];
  readonly denied: number[];
  readonly turnedAway: number[];
  readonly decided: number[];
  readonly cost: number[];
  readonly admitted: number[];
  readonly sampled: number[];
  /** Times of the last rows, ms. */
  readonly last: number[];
  readonly atMost: Float64Array[];
}

/** The groups of an aggregation, in its order. */
export function groupsOf(columns: StoredColumns, aggregation: Aggregation): Group[] {
  const { intervalMs, latency, order, limit } = aggregation;
  const codes = new GroupCodes(columns.dictionaries, aggregation);
  const percentiles = latency ? new PercentileCounter(columns.rows) : null;
  const sums = sumsOf(columns, aggregation, codes, percentiles);
  const found = percentiles?.of(sums.decided, LEVELS) ?? null;
  const compare = (a: number, b: number): number => {
    if (intervalMs !== null && codes.stepOf(a) !== codes.stepOf(b)) return codes.stepOf(a) - codes.stepOf(b);
    const difference = rankOf(sums, order, b) - rankOf(sums, order, a);
    return difference === 0 ? compareKeys(codes.keysOf(a), codes.keysOf(b)) : difference;
  };
  return topOf(codes.count, limit, compare).map((group) => groupAt(group, sums, aggregation, codes, found));
}

/** The pass over the rows. Adds to `percentiles`, unless it is null, and to the table of `codes`. */
function sumsOf(
  columns: StoredColumns,
  aggregation: Aggregation,
  codes: GroupCodes,
  percentiles: PercentileCounter | null,
): Sums {
  const { boundsMs, unit } = aggregation;
  const sums: Sums = {
    requests: [],
    allowed: [],
    denied: [],
    turnedAway: [],
    decided: [],
    cost: [],
    admitted: [],
    sampled: [],
    last: [],
    atMost: [],
  };
  const bucketOf = boundsMs.length > 0 ? bucketsBySteps(boundsMs) : null;
  const { outcome: outcomes, source: sources } = columns.dictionaries;
  const allowedId = outcomes.find("allowed");
  const deniedId = outcomes.find("denied");
  const turnedAwayId = outcomes.find("turned_away");
  const undecidedId = sources.find(UNDECIDED);
  for (const { chunk, indices, count } of selected(columns, aggregation)) {
    const { atMs, texts, requests, admitted, latency: latencies, halvings } = chunk;
    const cost = unit === undefined ? chunk.cost : chunk.units.get(unit);
    const groupAtRow = codes.of(chunk);
    for (let n = 0; n < count; n++) {
      const i = indices[n] ?? 0;
      const group = groupAtRow(i);
      if (group === sums.requests.length) open(sums, boundsMs.length);
      const weight = requests[i] ?? 0;
      const outcome = texts.outcome[i];
      const step = latencies[i] ?? 0;
      sums.requests[group] = (sums.requests[group] ?? 0) + weight;
      if (outcome === allowedId) sums.allowed[group] = (sums.allowed[group] ?? 0) + weight;
      else if (outcome === deniedId) sums.denied[group] = (sums.denied[group] ?? 0) + weight;
      else if (outcome === turnedAwayId) sums.turnedAway[group] = (sums.turnedAway[group] ?? 0) + weight;
      sums.cost[group] = (sums.cost[group] ?? 0) + (cost?.[i] ?? 0);
      if (admitted[i] === 1) sums.admitted[group] = (sums.admitted[group] ?? 0) + weight;
      if ((halvings[i] ?? 0) > 0) sums.sampled[group] = 1;
      if ((atMs[i] ?? 0) > (sums.last[group] ?? 0)) sums.last[group] = atMs[i] ?? 0;
      if (texts.source[i] === undecidedId) continue;
      sums.decided[group] = (sums.decided[group] ?? 0) + weight;
      percentiles?.add(group, step, weight);
      if (bucketOf) addTo(sums.atMost[group], bucketOf[step] ?? 0, weight);
    }
  }
  return sums;
}

function groupAt(
  group: number,
  sums: Sums,
  { intervalMs, boundsMs }: Aggregation,
  codes: GroupCodes,
  found: readonly Uint16Array[] | null,
): Group {
  const [requests = 0, allowed = 0, denied = 0, turnedAway = 0, decided = 0] = [
    sums.requests[group],
    sums.allowed[group],
    sums.denied[group],
    sums.turnedAway[group],
    sums.decided[group],
  ];
  return {
    atMs: intervalMs === null ? null : codes.stepOf(group) * intervalMs,
    keys: codes.keysOf(group),
    requests,
    allowed,
    denied,
    turnedAway,
    errors: requests - allowed - denied - turnedAway,
    decided,
    cost: thousandths(sums.cost[group] ?? 0),
    admitted: sums.admitted[group] ?? 0,
    lastMs: wholeSeconds(sums.last[group] ?? 0),
    percentiles:
      found && decided > 0 ? [at(found, 0, group), at(found, 1, group), at(found, 2, group)] : null,
    atMost: boundsMs.length > 0 ? running(sums.atMost[group] ?? [], boundsMs.length) : [],
    sampled: sums.sampled[group] === 1,
  };
}

function at(found: readonly Uint16Array[], level: number, group: number): number {
  return msOfStep(found[level]?.[group] ?? 0);
}

function open(sums: Sums, bounds: number): void {
  const { atMost: _buckets, ...lists } = sums;
  for (const list of Object.values(lists)) list.push(0);
  if (bounds > 0) sums.atMost.push(new Float64Array(bounds + 1));
}

function addTo(buckets: Float64Array | undefined, bucket: number, weight: number): void {
  if (buckets) buckets[bucket] = (buckets[bucket] ?? 0) + weight;
}

/** What groups are ranked by. Costs and times are rounded as they are shown, so that ties are ties. */
function rankOf(sums: Sums, order: Aggregation["order"], group: number): number {
  switch (order) {
    case "cost":
      return thousandths(sums.cost[group] ?? 0);
    case "lastSeen":
      return wholeSeconds(sums.last[group] ?? 0);
    case "deniedShare": {
      const decided = sums.decided[group] ?? 0;
      return decided > 0 ? (sums.denied[group] ?? 0) / decided : 0;
    }
    default:
      return sums[order][group] ?? 0;
  }
}

/** Analytics Engine's timestamps are no finer. */
function wholeSeconds(ms: number): number {
  return ms - (ms % SECOND_MS);
}

function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (const [i, key] of a.entries()) {
    const order = compareUtf8(key, b[i] ?? "");
    if (order !== 0) return order;
  }
  return 0;
}

/** The bucket of each step of the scale: the first bound that the step does not exceed. */
function bucketsBySteps(boundsMs: readonly number[]): Uint8Array {
  const buckets = new Uint8Array(SCALE_STEPS).fill(boundsMs.length);
  for (const [bucket, boundMs] of [...boundsMs.entries()].toReversed()) {
    buckets.fill(bucket, 0, stepOfMs(boundMs) + 1);
  }
  return buckets;
}

function running(buckets: Float64Array | readonly number[], bounds: number): number[] {
  let sum = 0;
  return Array.from({ length: bounds }, (_, bucket) => (sum += buckets[bucket] ?? 0));
}
