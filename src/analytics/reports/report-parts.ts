/** The parts of reports: totals, rankings, lines of a chart, a histogram. Pure. */
import type { Group } from "./facts.ts";
import type {
  LatencyBucket,
  LatencySteps,
  Measured,
  Percentiles,
  RankedSubject,
  ReportBodies,
  Series,
} from "./report-answer.ts";
import { type Order, type ReportQuery, stepsOf } from "./report-query.ts";
import { compareUtf8 } from "./utf8-order.ts";

/** Buckets of the latency histogram, ms: from a decision by a lease to a timeout. */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000,
];

/** Lines of a chart; all others are summed in one more. */
const MAX_SERIES = 10;

const NOTHING: Measured = {
  requests: 0,
  allowed: 0,
  denied: 0,
  turnedAway: 0,
  errors: 0,
  decided: 0,
  cost: 0,
  latencyMs: null,
};

/** The totals of an aggregation into one group, which is missing if no row was selected. */
export function totalsOf([group]: readonly Group[]): Measured {
  return group ? measuredOf(group) : NOTHING;
}

export function measuredOf(group: Group): Measured {
  const { requests, allowed, denied, turnedAway, errors, decided, cost, percentiles } = group;
  const latencyMs = percentilesOf(percentiles);
  return { requests, allowed, denied, turnedAway, errors, decided, cost, latencyMs };
}

function percentilesOf(found: Group["percentiles"]): Percentiles | null {
  if (!found) return null;
  const [p50, p95, p99] = found;
  return { p50, p95, p99 };
}

/** Groups by one dimension, with each group's share of the total of what orders them, if it has one, or of the requests. @param name puts the value into its field. */
export function ranked<Named>(
  groups: readonly Group[],
  all: readonly Group[],
  order: Order,
  name: (value: string) => Named,
): (Named & Measured & { readonly share: number })[] {
  // A share or a time has no sum.
  const figure = order === "deniedShare" || order === "lastSeen" ? "requests" : order;
  const total = totalsOf(all)[figure];
  return groups.map((group) => ({
    ...name(group.keys[0] ?? ""),
    ...measuredOf(group),
    share: total > 0 ? group[figure] / total : 0,
  }));
}

/** Subjects as they are ranked. @param groups one more than `limit`, if there are more. */
export function subjectsOf(groups: readonly Group[], limit: number): ReportBodies["subjects"] {
  const subjects = groups.slice(0, limit).map((group): RankedSubject => {
    const { requests, allowed, denied, turnedAway, errors, decided, cost, lastMs } = group;
    const totals = { requests, allowed, denied, turnedAway, errors, decided, cost };
    return Object.assign(
      { account: group.keys[0] ?? "", lastSeenAt: new Date(lastMs).toISOString() },
      totals,
    );
  });
  return { subjects, isComplete: groups.length <= limit };
}

/** A line for each of the largest groups, the largest first, with 0 for steps without requests. */
export function seriesOf(steps: readonly number[], groups: readonly Group[]): Series[] {
  const place = new Map(steps.map((atMs, i) => [atMs, i]));
  const lines = new Map<string, Line>();
  for (const group of groups) {
    const [key = ""] = group.keys;
    const line = lines.get(key) ?? new Line(steps.length);
    lines.set(key, line);
    line.add(place.get(group.atMs ?? Number.NaN), group);
  }
  const largest = [...lines].toSorted(([a, x], [b, y]) => y.total - x.total || compareUtf8(a, b));
  const rest = largest.splice(MAX_SERIES);
  const series: Series[] = largest.map(([key, line]) => line.series(key));
  if (rest.length === 0) return series;
  const others = new Line(steps.length);
  for (const [, line] of rest) others.merge(line);
  return [...series, others.series(null)];
}

class Line {
  total = 0;
  readonly #requests: number[];
  readonly #denied: number[];
  readonly #cost: number[];

  constructor(steps: number) {
    this.#requests = Array.from({ length: steps }, () => 0);
    this.#denied = Array.from({ length: steps }, () => 0);
    this.#cost = Array.from({ length: steps }, () => 0);
  }

  add(
    step: number | undefined,
    { requests, denied, cost }: Pick<Group, "requests" | "denied" | "cost">,
  ): void {
    if (step === undefined) return;
    this.total += requests;
    this.#requests[step] = (this.#requests[step] ?? 0) + requests;
    this.#denied[step] = (this.#denied[step] ?? 0) + denied;
    this.#cost[step] = thousandths((this.#cost[step] ?? 0) + cost);
  }

  merge(other: Line): void {
    other.#requests.forEach((requests, step) => {
      this.add(step, { requests, denied: other.#denied[step] ?? 0, cost: other.#cost[step] ?? 0 });
    });
  }

  series(key: string | null): Series {
    return { key, requests: this.#requests, denied: this.#denied, cost: this.#cost };
  }
}

/** Costs are multiples of a thousandth of a token: anything finer is a rounding error of a sum. */
export function thousandths(cost: number): number {
  return Math.round(cost * 1_000) / 1_000;
}

/** Percentiles for each step; null for a step without decisions. */
export function latencySteps(steps: readonly number[], groups: readonly Group[]): LatencySteps {
  const found = new Map(groups.map(({ atMs, percentiles }) => [atMs, percentilesOf(percentiles)]));
  const line = (level: keyof Percentiles) => steps.map((atMs) => found.get(atMs)?.[level] ?? null);
  return { p50: line("p50"), p95: line("p95"), p99: line("p99") };
}

/** Decided requests between each bound and the next, from the counts up to each bound. */
export function histogramOf([all]: readonly Group[]): LatencyBucket[] {
  const upTo = LATENCY_BOUNDS_MS.map((_bound, i) => all?.atMost[i] ?? 0);
  const buckets: LatencyBucket[] = LATENCY_BOUNDS_MS.map((leMs, i) => ({
    leMs,
    requests: (upTo[i] ?? 0) - (upTo[i - 1] ?? 0),
  }));
  return [...buckets, { leMs: null, requests: (all?.decided ?? 0) - (upTo.at(-1) ?? 0) }];
}

/** The beginnings of the steps of a chart. */
export function timesOf(query: ReportQuery): string[] {
  return stepsOf(query).map((atMs) => new Date(atMs).toISOString());
}

/** Denials by limit, with their shares. */
export function reasonsOf(reasons: readonly Group[], all: readonly Group[]) {
  const total = totalsOf(all).denied;
  return reasons.map(({ keys: [reason = ""], denied }) => ({
    reason,
    denied,
    share: total > 0 ? denied / total : 0,
  }));
}

/** Requests decided by leases and the deny cache, and their share of all decided requests. */
export function hopsSaved(bySource: readonly Group[]): { requests: number; share: number } {
  const of = (...sources: string[]): number =>
    bySource.reduce(
      (sum, { keys: [source = ""], requests }) => sum + (sources.includes(source) ? requests : 0),
      0,
    );
  const saved = of("lease", "deny-cache");
  const decided = saved + of("strict", "fallback");
  return { requests: saved, share: decided > 0 ? saved / decided : 0 };
}
