/** Health over time from recorded decisions: failures by reason, where decisions were made, and how long they took. Pure. */
import type { ChartModel, ColourToken } from "../charts/chart-model.ts";
import type { Report } from "../shell/answers.ts";
import { count, milliseconds } from "../shell/format.ts";
import { isListOf, isNullOr, isNumber, isOneOf, isShape, isText, parseAs } from "../shell/guards.ts";
import { HEAD, isSeries, isTime, MEASURED } from "../shell/report-guards.ts";

type Latency = Report<"latency">;
type Steps = Pick<Report<"timeseries">, "times" | "series" | "intervalSeconds">;

export const parseTimeseries = parseAs(
  isShape<Report<"timeseries">>({
    ...HEAD,
    report: isOneOf({ timeseries: true }),
    times: isListOf(isTime),
    series: isListOf(isSeries),
  }),
);
const isLine = isListOf(isNullOr(isNumber));
export const parseLatency = parseAs(
  isShape<Latency>({
    ...HEAD,
    report: isOneOf({ latency: true }),
    times: isListOf(isTime),
    steps: isShape<Latency["steps"]>({ p50: isLine, p95: isLine, p99: isLine }),
    sources: isListOf(isShape<Latency["sources"][number]>({ ...MEASURED, source: isText, share: isNumber })),
    histogram: isListOf(
      isShape<Latency["histogram"][number]>({ leMs: isNullOr(isNumber), requests: isNumber }),
    ),
  }),
);

/** Colours of lines that have no meaning of their own. */
const COLOURS: readonly ColourToken[] = ["--error", "--warning", "--would-deny", "--info", "--neutral"];

interface Line {
  readonly key: string;
  readonly name: string;
  readonly colour: ColourToken;
}

/** Where decisions are made, from the best case to the worst. */
const SOURCES: readonly Line[] = [
  { key: "strict", name: "Object", colour: "--info" },
  { key: "lease", name: "Lease", colour: "--allowed" },
  { key: "deny-cache", name: "Deny cache", colour: "--warning" },
  { key: "fallback", name: "Fallback", colour: "--error" },
];

export function sourceChart(report: Steps): ChartModel {
  return stack(report, SOURCES);
}

/** A line for each reason that there was. */
export function failureChart(report: Steps): ChartModel {
  return stack(
    report,
    report.series.map(({ key }, i) => ({
      key: key ?? "",
      name: key ?? "others",
      colour: COLOURS[Math.min(i, COLOURS.length - 1)] ?? "--neutral",
    })),
  );
}

function stack({ times, series, intervalSeconds }: Steps, lines: readonly Line[]): ChartModel {
  return {
    timesMs: times.map((at) => Date.parse(at)),
    stepMs: intervalSeconds * 1_000,
    isStacked: true,
    lines: lines.map(({ key, name, colour }) => ({
      name,
      colour,
      values: series.find((line) => (line.key ?? "") === key)?.requests ?? times.map(() => 0),
    })),
    show: count,
  };
}

export function latencyChart({ times, steps, intervalSeconds }: Latency): ChartModel {
  return {
    timesMs: times.map((at) => Date.parse(at)),
    stepMs: intervalSeconds * 1_000,
    lines: [
      { name: "p50", colour: "--allowed", values: steps.p50 },
      { name: "p95", colour: "--warning", values: steps.p95 },
      { name: "p99", colour: "--error", values: steps.p99 },
    ],
    show: milliseconds,
    tick: (ms) => (ms < 1_000 ? milliseconds(ms) : `${count(ms / 1_000)} s`),
  };
}

/** The requests of some lines of a chart, of all steps. */
export function totalOf({ series }: Pick<Steps, "series">, keys?: readonly string[]): number {
  return series
    .filter(({ key }) => keys === undefined || keys.includes(key ?? ""))
    .flatMap(({ requests }) => requests)
    .reduce((sum, value) => sum + value, 0);
}
