/** The figures of a period, their change against the period before, and what is behind them. Pure. */
import type { Delta } from "../kit/tile.tsx";
import type { Tone } from "../kit/tone.ts";
import type { LogFilters } from "../shell/decision-log.ts";
import { SECOND_MS } from "../shell/durations.ts";
import { count, milliseconds, percent, rate } from "../shell/format.ts";
import type { ShadowReport } from "../shell/rankings.ts";
import type { Latency } from "./latency.ts";
import type { Overview, Period } from "./overview-report.ts";
import type { Traffic } from "./traffic.ts";

export interface Figure {
  readonly name: string;
  readonly value: string;
  readonly detail: string;
  /** Null if the period before is unknown or had nothing to compare with. */
  readonly delta: Delta | null;
  readonly spark: readonly (number | null)[] | undefined;
  readonly tone: Tone;
  /** The decisions behind the figure. */
  readonly decisions: LogFilters;
}

export interface FigureSources {
  readonly overview: Overview;
  /** Only decisions that the fallback made; null until loaded. */
  readonly fallback: Overview | null;
  /** What is in shadow would have denied; null until loaded. */
  readonly shadow: ShadowReport | null;
  readonly traffic: Traffic | null;
  readonly latency: Latency | null;
}

/** A part of the period before that is missing from the store makes it incomparable. */
const MIN_COVERED = 0.95;
/** A change of p95 by less is noise. */
const MIN_LATENCY_MS = 2;
const MIN_LATENCY_CHANGE = 0.2;

export function figuresOf(sources: FigureSources): readonly Figure[] {
  return [requests(sources), denied(sources), ...wouldDeny(sources), p95(sources), errors(sources)];
}

function requests({ overview, traffic }: FigureSources): Figure {
  const { current } = overview;
  const before = comparable(overview);
  const totals = traffic?.timesMs.map((_at, i) => totalAt(traffic, i));
  return {
    name: "Requests",
    value: count(current.requests),
    detail: [
      rate(current.perSecond),
      `${count(current.allowed)} allowed`,
      ...(current.turnedAway > 0 ? [`${count(current.turnedAway)} turned away`] : []),
    ].join(", "),
    delta: before && { text: changeText(current.requests / before.requests), tone: "neutral" },
    spark: totals,
    tone: "info",
    decisions: {},
  };
}

function denied({ overview, traffic }: FigureSources): Figure {
  const { current } = overview;
  const before = comparable(overview);
  const shareOf = ({ denied: part, decided }: Period) => (decided > 0 ? (100 * part) / decided : 0);
  const points = before ? shareOf(current) - shareOf(before) : 0;
  const shares = traffic?.timesMs.map((_at, i) => {
    const total = totalAt(traffic, i);
    return total > 0 ? (traffic.requests.denied[i] ?? 0) / total : null;
  });
  return {
    name: "Denied by limits",
    value: percent(current.denied, current.decided),
    detail: `${count(current.denied)} of ${count(current.decided)} decided`,
    delta:
      Math.abs(points) < 0.05
        ? null
        : { text: `${signed(points)} points`, tone: points > 0 ? "denied" : "allowed" },
    spark: shares,
    tone: "denied",
    decisions: { outcome: "denied" },
  };
}

/** Nothing without a request that would have been denied. */
function wouldDeny({ shadow }: FigureSources): Figure[] {
  const { requests: would = 0, limits = [] } = shadow ?? {};
  const [most] = limits;
  if (most === undefined || would === 0) return [];
  return [
    {
      name: "Would be denied",
      value: count(would),
      detail: `in shadow, most by ${most.limit}`,
      delta: null,
      spark: undefined,
      tone: "would-deny",
      decisions: { reason: `shadow:${most.limit}` },
    },
  ];
}

function p95({ overview, latency }: FigureSources): Figure {
  const { current } = overview;
  const now = current.latencyMs;
  const before = comparable(overview)?.latencyMs?.p95;
  const changeMs = now && before !== undefined ? Math.round(now.p95 - before) : 0;
  const isSlower = changeMs >= MIN_LATENCY_MS && changeMs > MIN_LATENCY_CHANGE * (before ?? 0);
  const isFaster = -changeMs >= MIN_LATENCY_MS && -changeMs > MIN_LATENCY_CHANGE * (before ?? 0);
  const tone = isSlower ? "error" : isFaster ? "allowed" : "neutral";
  return {
    name: "Decision, p95",
    value: milliseconds(now?.p95),
    detail: now ? `median ${milliseconds(now.p50)}, p99 ${milliseconds(now.p99)}` : "nothing decided",
    delta: changeMs === 0 ? null : { text: `${signed(changeMs)} ms`, tone },
    spark: latency?.steps.p95,
    tone: "info",
    decisions: {},
  };
}

function errors({ overview, fallback, traffic }: FigureSources): Figure {
  const { current } = overview;
  const before = comparable(overview);
  const byFallback = fallback?.current.requests ?? 0;
  const change = before ? current.errors - before.errors : 0;
  return {
    name: "Errors",
    value: count(current.errors),
    detail: `${fallback ? count(byFallback) : "–"} decided by the fallback`,
    delta:
      change === 0
        ? null
        : {
            text: `${change > 0 ? "+" : "−"}${count(Math.abs(change))}`,
            tone: change > 0 ? "error" : "allowed",
          },
    spark: traffic?.requests.error,
    tone: current.errors > 0 ? "error" : byFallback > 0 ? "warning" : "neutral",
    decisions: current.errors === 0 && byFallback > 0 ? { source: "fallback" } : { outcome: "error" },
  };
}

/** The period before, if it is stored in full and had requests. */
function comparable({ from, to, previous }: Overview): Period | null {
  const seconds = (Date.parse(to) - Date.parse(from)) / SECOND_MS;
  return previous.requests > 0 && previous.coveredSeconds >= MIN_COVERED * seconds ? previous : null;
}

function totalAt({ requests: by }: Traffic, i: number): number {
  return (by.allowed[i] ?? 0) + (by.denied[i] ?? 0) + (by.turned_away[i] ?? 0) + (by.error[i] ?? 0);
}

/** "+12 %", or "×14" from ten times as much. */
function changeText(ratio: number): string {
  return ratio >= 10 ? `×${count(Math.round(ratio))}` : `${signed(Math.round(100 * (ratio - 1)))} %`;
}

/** With a sign, to a tenth below ten. */
function signed(value: number): string {
  const size = Math.abs(value);
  return `${value < 0 ? "−" : "+"}${count(size < 10 ? Math.round(size * 10) / 10 : Math.round(size))}`;
}
