/** Traffic over time by outcome: the report, and the chart and the sentence that are made of it. Pure; never trusts a shape. */
import type { ChartMark, ChartModel } from "../charts/chart-model.ts";
import { isRecord } from "../shell/api-client.ts";
import { count, percent } from "../shell/format.ts";

export interface Traffic {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  readonly timesMs: readonly number[];
  /** Requests of each step, by outcome. */
  readonly requests: Readonly<Record<Outcome, readonly number[]>>;
}

type Outcome = (typeof OUTCOMES)[number]["key"];

/** In the order of the stack, the lowest first. */
const OUTCOMES = [
  { key: "allowed", name: "Allowed", colour: "--allowed" },
  { key: "denied", name: "Denied", colour: "--denied" },
  { key: "turned_away", name: "Turned away", colour: "--quiet" },
  { key: "error", name: "Errors", colour: "--fault" },
] as const;
const SECOND_MS = 1_000;

/** Null for what is no timeseries report. */
export function parseTraffic(body: unknown): Traffic | null {
  if (!isRecord(body) || body["report"] !== "timeseries") return null;
  const { from, to, intervalSeconds, times, series } = body;
  if (typeof intervalSeconds !== "number" || !Array.isArray(times) || !Array.isArray(series)) return null;
  const moments = [from, to, ...times].map((time) => (typeof time === "string" ? Date.parse(time) : NaN));
  if (moments.some((ms) => Number.isNaN(ms))) return null;
  const [fromMs = 0, toMs = 0, ...timesMs] = moments;
  const lines: readonly unknown[] = series;
  const requests = (key: Outcome): readonly number[] => {
    const line = lines.find((one) => isRecord(one) && one["key"] === key);
    const values = isRecord(line) ? line["requests"] : null;
    const numbers: readonly unknown[] = Array.isArray(values) ? values : [];
    return timesMs.map((_at, i) => {
      const value = numbers[i];
      return typeof value === "number" ? value : 0;
    });
  };
  return {
    fromMs,
    toMs,
    stepMs: intervalSeconds * SECOND_MS,
    timesMs,
    requests: {
      allowed: requests("allowed"),
      denied: requests("denied"),
      turned_away: requests("turned_away"),
      error: requests("error"),
    },
  };
}

/**
 * Requests per second, stacked. The first and the last step may lie in the period only in part: each step's requests are divided by
 * the seconds of it that do, so that a step that has just begun does not look like a drop.
 */
export function trafficChart(traffic: Traffic, marks: readonly ChartMark[]): ChartModel {
  const { timesMs, stepMs, requests } = traffic;
  const seconds = timesMs.map((atMs) => secondsOf(traffic, atMs));
  return {
    timesMs,
    stepMs,
    isStacked: true,
    lines: OUTCOMES.map(({ key, name, colour }) => ({
      name,
      colour,
      values: timesMs.map((_at, i) => (requests[key][i] ?? 0) / (seconds[i] ?? 1)),
    })),
    marks,
    show: (value) => `${count(value)}/s`,
  };
}

/** What the chart shows, in a sentence. */
export function trafficSummary(traffic: Traffic): string {
  const { timesMs, requests } = traffic;
  const sums = OUTCOMES.map(({ key }) => sum(requests[key]));
  const total = sum(sums);
  if (total === 0) return "No requests.";
  const rates = timesMs.map(
    (atMs, i) => sum(OUTCOMES.map(({ key }) => requests[key][i] ?? 0)) / secondsOf(traffic, atMs),
  );
  const parts = OUTCOMES.map(({ name }, i) => `${percent(sums[i] ?? 0, total)} ${name.toLowerCase()}`);
  return `${count(total)} requests: ${parts.join(", ")}; at most ${count(Math.max(...rates))} a second.`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Seconds of the step at `atMs` that lie in the period; 1 at least, as times are whole seconds. */
function secondsOf({ fromMs, toMs, stepMs }: Traffic, atMs: number): number {
  return Math.max(1, (Math.min(toMs, atMs + stepMs) - Math.max(fromMs, atMs)) / SECOND_MS);
}

/** When the policy changed, by the list of its revisions; null for what is no such list. */
export function policyMarks(body: unknown): readonly ChartMark[] | null {
  if (!isRecord(body) || !Array.isArray(body["revisions"])) return null;
  return body["revisions"].flatMap((revision: unknown): ChartMark[] => {
    if (!isRecord(revision)) return [];
    const { revision: number, createdAt, actor, reason } = revision;
    const atMs = typeof createdAt === "string" ? Date.parse(createdAt) : NaN;
    if (typeof number !== "number" || Number.isNaN(atMs)) return [];
    const detail = `policy revision ${number} by ${String(actor)}: ${String(reason)}`;
    return [{ atMs, label: `policy ${number}`, detail }];
  });
}
