/** Health over time from recorded decisions: failures by reason, and where decisions were made. Pure. */
import type { ChartModel, ColourToken } from "../charts/chart-model.ts";
import type { Report } from "../shell/answers.ts";
import { count } from "../shell/format.ts";
import { isListOf, isOneOf, isShape, parseAs } from "../shell/guards.ts";
import { HEAD, isSeries, isTime } from "../shell/report-guards.ts";

type Steps = Pick<Report<"timeseries">, "times" | "series" | "intervalSeconds">;

export const parseTimeseries = parseAs(
  isShape<Report<"timeseries">>({
    ...HEAD,
    report: isOneOf({ timeseries: true }),
    times: isListOf(isTime),
    series: isListOf(isSeries),
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

/** The requests of some lines of a chart, of all steps. */
export function totalOf({ series }: Pick<Steps, "series">, keys?: readonly string[]): number {
  return series
    .filter(({ key }) => keys === undefined || keys.includes(key ?? ""))
    .flatMap(({ requests }) => requests)
    .reduce((sum, value) => sum + value, 0);
}
