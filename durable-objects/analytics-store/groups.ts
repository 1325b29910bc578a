/** Sums columns by group, in one pass, and finds percentiles by counting. Pure: reads the columns, changes nothing. */
import { type Aggregation, type Group, LEVELS } from "../../src/analytics/reports/facts.ts";
import { UNDECIDED } from "../../src/analytics/outcome.ts";
import { msOfStep, SCALE_STEPS, stepOfMs } from "../../src/analytics/reports/latency-scale.ts";
import { thousandths } from "../../src/analytics/reports/report-parts.ts";
import { compareUtf8 } from "../../src/analytics/reports/utf8-order.ts";
import type { EmbeddedColumns } from "./stored-columns.ts";
import { Percentiles } from "./percentiles.ts";
import { selected } from "./selection.ts";
import { topOf } from "./top.ts";

/** A table of so many groups is an array; a larger one a map. */
const MAX_DENSE = 4_000_000;

/** Numbers the groups in the order in which their first row comes. */
class GroupTable {
  readonly #dense: Int32Array | null;
  readonly #sparse = new Map<number, number>();
  /** What the i-th group is of. */
  readonly codes: number[] = [];

  constructor(size: number) {
    this.#dense = size <= MAX_DENSE ? new Int32Array(size).fill(-1) : null;
  }

  of(code: number): number {
    const known = this.#dense ? (this.#dense[code] ?? -1) : (this.#sparse.get(code) ?? -1);
    if (known >= 0) return known;
    const group = this.codes.push(code) - 1;
    if (this.#dense) this.#dense[code] = group;
    else this.#sparse.set(code, group);
    return group;
  }
}

/** What a group adds up to. */
interface Sums {
  readonly requests: number[];
  readonly allowed: number[];
  readonly denied: number[];
  readonly turnedAway: number[];
  readonly decided: number[];
  readonly cost: number[];
  readonly admitted: number[];
  readonly sampled: number[];
  readonly atMost: Float64Array[];
}

export function groupsOf(columns: EmbeddedColumns, aggregation: Aggregation): Group[] {
  const { by, intervalMs, fromMs, toMs, latency, boundsMs, order, limit } = aggregation;
  const firstStep = intervalMs === null ? 0 : Math.floor(fromMs / intervalMs);
  const steps = intervalMs === null ? 1 : Math.max(1, Math.ceil(toMs / intervalMs) - firstStep);
  const dictionaries = by.map((name) => columns.dictionaries[name]);
  const sizes = dictionaries.map(({ values }) => Math.max(1, values.length));
  const table = new GroupTable(sizes.reduce((product, size) => product * size, steps));
  const sums: Sums = {
    requests: [],
    allowed: [],
    denied: [],
    turnedAway: [],
    decided: [],
    cost: [],
    admitted: [],
    sampled: [],
    atMost: [],
  };
  const percentiles = latency ? new Percentiles(columns.rows) : null;
  const bucketOf = boundsMs.length > 0 ? bucketsBySteps(boundsMs) : null;
  const allowedId = columns.dictionaries.outcome.find("allowed");
  const deniedId = columns.dictionaries.outcome.find("denied");
  const turnedAwayId = columns.dictionaries.outcome.find("turned_away");
  const undecidedId = columns.dictionaries.source.find(UNDECIDED);
  const [firstName, secondName] = by;
  const secondSize = sizes[1] ?? 1;

  for (const { segment, indices, count } of selected(columns, aggregation)) {
    const { atMs, texts, requests, cost, admitted, latency: latencies, sampled } = segment;
    const first = firstName ? texts[firstName] : null;
    const second = secondName ? texts[secondName] : null;
    for (let n = 0; n < count; n++) {
      const i = indices[n] ?? 0;
      let code = intervalMs === null ? 0 : Math.floor((atMs[i] ?? 0) / intervalMs) - firstStep;
      if (first) code = code * (sizes[0] ?? 1) + (first[i] ?? 0);
      if (second) code = code * secondSize + (second[i] ?? 0);
      const group = table.of(code);
      if (group === sums.requests.length) open(sums, boundsMs.length);
      const weight = requests[i] ?? 0;
      const outcome = texts.outcome[i];
      const step = latencies[i] ?? 0;
      sums.requests[group] = (sums.requests[group] ?? 0) + weight;
      if (outcome === allowedId) sums.allowed[group] = (sums.allowed[group] ?? 0) + weight;
      else if (outcome === deniedId) sums.denied[group] = (sums.denied[group] ?? 0) + weight;
      else if (outcome === turnedAwayId) sums.turnedAway[group] = (sums.turnedAway[group] ?? 0) + weight;
      sums.cost[group] = (sums.cost[group] ?? 0) + (cost[i] ?? 0);
      if (admitted[i] === 1) sums.admitted[group] = (sums.admitted[group] ?? 0) + weight;
      if (sampled[i] === 1) sums.sampled[group] = 1;
      if (texts.source[i] === undecidedId) continue;
      sums.decided[group] = (sums.decided[group] ?? 0) + weight;
      percentiles?.add(group, step, weight);
      if (bucketOf) addTo(sums.atMost[group], bucketOf[step] ?? 0, weight);
    }
  }

  const found = percentiles?.of(sums.decided, LEVELS) ?? null;
  const stepAt = (code: number): number =>
    Math.floor(code / sizes.reduce((product, size) => product * size, 1));
  const keysAt = (code: number): string[] => {
    const keys: string[] = [];
    let rest = code;
    for (let d = by.length - 1; d >= 0; d--) {
      const size = sizes[d] ?? 1;
      keys.unshift(dictionaries[d]?.values[rest % size] ?? "");
      rest = Math.floor(rest / size);
    }
    return keys;
  };
  const codeOf = (group: number): number => table.codes[group] ?? 0;
  const compare = (a: number, b: number): number => {
    const [x, y] = [codeOf(a), codeOf(b)];
    if (intervalMs !== null && stepAt(x) !== stepAt(y)) return stepAt(x) - stepAt(y);
    const difference = rankOf(sums, order, b) - rankOf(sums, order, a);
    return difference === 0 ? compareKeys(keysAt(x), keysAt(y)) : difference;
  };
  return topOf(table.codes.length, limit, compare).map((group): Group => {
    const [requests = 0, allowed = 0, denied = 0, turnedAway = 0, decided = 0] = [
      sums.requests[group],
      sums.allowed[group],
      sums.denied[group],
      sums.turnedAway[group],
      sums.decided[group],
    ];
    return {
      atMs: intervalMs === null ? null : (stepAt(codeOf(group)) + firstStep) * intervalMs,
      keys: keysAt(codeOf(group)),
      requests,
      allowed,
      denied,
      turnedAway,
      errors: requests - allowed - denied - turnedAway,
      decided,
      cost: thousandths(sums.cost[group] ?? 0),
      admitted: sums.admitted[group] ?? 0,
      percentiles:
        found && decided > 0 ? [at(found, 0, group), at(found, 1, group), at(found, 2, group)] : null,
      atMost: boundsMs.length > 0 ? running(sums.atMost[group] ?? [], boundsMs.length) : [],
      sampled: sums.sampled[group] === 1,
    };
  });
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

/** What groups are ranked by: cost as it is shown, so that ties are ties. */
function rankOf(sums: Sums, order: Aggregation["order"], group: number): number {
  return order === "cost" ? thousandths(sums.cost[group] ?? 0) : (sums[order][group] ?? 0);
}

function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (const [i, key] of a.entries()) {
    const order = compareUtf8(key, b[i] ?? "");
    if (order !== 0) return order;
  }
  return 0;
}

/** The bucket of each step of the scale: the first bound that it does not exceed. */
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
