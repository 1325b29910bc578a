/** Traffic over time by outcome: the report, its chart and its summary. Pure. */
import { SECOND_MS } from "../shell/durations.ts";
import type { ChartMark, ChartModel } from "../charts/chart-model.ts";
import { OUTCOME_STACK } from "../charts/outcome-stack.ts";
import type { LoggedDecision, RevisionPage } from "../shell/answers.ts";
import { counted, percent, rate } from "../shell/format.ts";
import { parseTimeseries } from "../shell/report-guards.ts";

export interface Traffic {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  readonly timesMs: readonly number[];
  /** The requests of each step, by outcome. */
  readonly requests: Readonly<Record<Outcome, readonly number[]>>;
}

type Outcome = LoggedDecision["outcome"];

/** Null for anything but a timeseries report. A missing outcome had no requests. */
export function parseTraffic(body: unknown): Traffic | null {
  const report = parseTimeseries(body);
  if (!report) return null;
  const { from, to, intervalSeconds, times, series } = report;
  const requests = (outcome: Outcome): readonly number[] => {
    const line = series.find(({ key }) => key === outcome);
    return times.map((_time, i) => line?.requests[i] ?? 0);
  };
  return {
    fromMs: Date.parse(from),
    toMs: Date.parse(to),
    stepMs: intervalSeconds * SECOND_MS,
    timesMs: times.map((time) => Date.parse(time)),
    requests: {
      allowed: requests("allowed"),
      denied: requests("denied"),
      turned_away: requests("turned_away"),
      error: requests("error"),
    },
  };
}

/**
 * Requests per second, stacked. The first and the last step may overlap the period only in part: the requests of a step are divided
 * by the seconds of the overlap, so that a step that has just begun does not look like a drop.
 */
export function trafficChart(traffic: Traffic, marks: readonly ChartMark[]): ChartModel {
  const { timesMs, stepMs, requests } = traffic;
  const seconds = timesMs.map((atMs) => secondsOf(traffic, atMs));
  return {
    timesMs,
    stepMs,
    isStacked: true,
    lines: OUTCOME_STACK.map(({ key, ...line }) => ({
      ...line,
      values: timesMs.map((_at, i) => (requests[key][i] ?? 0) / (seconds[i] ?? 1)),
    })),
    marks,
    show: rate,
  };
}

/** The chart in one sentence. Outcomes that did not occur are left out. */
export function trafficSummary(traffic: Traffic): string {
  const { timesMs, requests } = traffic;
  const sums = OUTCOME_STACK.map(({ key }) => sum(requests[key]));
  const total = sum(sums);
  if (total === 0) return "No requests.";
  const rates = timesMs.map(
    (atMs, i) => sum(OUTCOME_STACK.map(({ key }) => requests[key][i] ?? 0)) / secondsOf(traffic, atMs),
  );
  const parts = OUTCOME_STACK.flatMap(({ name }, i) => {
    const part = sums[i] ?? 0;
    return part > 0 ? [`${percent(part, total)} ${name.toLowerCase()}`] : [];
  });
  return `${counted(total, "request")}: ${parts.join(", ")}; at most ${rate(Math.max(...rates))}.`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The seconds of the step at `atMs` that lie in the period; at least 1, since times are whole seconds. */
function secondsOf({ fromMs, toMs, stepMs }: Traffic, atMs: number): number {
  return Math.max(1, (Math.min(toMs, atMs + stepMs) - Math.max(fromMs, atMs)) / SECOND_MS);
}

/** Marks the moments when the policy changed. */
export function policyMarks({ revisions }: RevisionPage): readonly ChartMark[] {
  return revisions.map(({ revision, createdAt, actor, reason }) => ({
    atMs: Date.parse(createdAt),
    label: `policy ${revision}`,
    short: String(revision),
    detail: `policy ${revision} by ${actor === "" ? "an unknown actor" : actor}: ${reason}`,
    to: { screen: "policy", params: { revision: String(revision) } },
  }));
}
