/** The latency of decisions over time: the report, its chart and its summary. Pure. */
import type { ChartModel } from "../charts/chart-model.ts";
import type { Report } from "../shell/answers.ts";
import { SECOND_MS } from "../shell/durations.ts";
import { exact, milliseconds } from "../shell/format.ts";
import { isListOf, isNullOr, isNumber, isShape, isText } from "../shell/guards.ts";
import { isTime, MEASURED, parseReport, type Rest } from "../shell/report-guards.ts";

export type Latency = Omit<Report<"latency">, "histogram">;

const isSteps = isListOf(isNullOr(isNumber));

export const parseLatency = parseReport<Rest<Latency>>("latency", {
  times: isListOf(isTime),
  steps: isShape({ p50: isSteps, p95: isSteps, p99: isSteps }),
  sources: isListOf(isShape<Latency["sources"][number]>({ ...MEASURED, source: isText, share: isNumber })),
});

/** Percentiles as lines, with the band between the median and p95. A step without decisions is a gap. */
export function latencyChart({ times, intervalSeconds, steps }: Latency): ChartModel {
  return {
    timesMs: times.map((time) => Date.parse(time)),
    stepMs: intervalSeconds * SECOND_MS,
    lines: [
      { name: "Median", colour: "--chart-1", values: steps.p50 },
      { name: "p95", colour: "--chart-2", values: steps.p95 },
      { name: "p99", colour: "--chart-3", values: steps.p99, isDashed: true },
    ],
    bands: [{ name: "Median to p95", upper: "p95", lower: "Median", colour: "--chart-2" }],
    show: milliseconds,
    tick: (ms) => `${exact(ms)} ms`,
  };
}

/** The chart in one sentence. */
export function latencySummary({ steps }: Latency): string {
  const worst = steps.p95.reduce<number | null>(
    (most, value) => (value === null ? most : Math.max(most ?? 0, value)),
    null,
  );
  return worst === null ? "No decisions." : `p95 of a step is at most ${milliseconds(worst)}.`;
}
