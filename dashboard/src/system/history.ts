/** Health over time from recorded decisions: failures by reason, and where decisions were made. Pure. */
import type { ChartModel, ColourToken } from "../charts/chart-model.ts";
import { countStack, type StackLine } from "../charts/outcome-stack.ts";
import type { Report } from "../shell/answers.ts";

type Steps = Pick<Report<"timeseries">, "times" | "series" | "intervalSeconds">;

/** Colours of lines that have no meaning of their own. */
const COLOURS: readonly ColourToken[] = ["--error", "--warning", "--would-deny", "--info", "--neutral"];

/** Where decisions are made, from the best case to the worst. */
const SOURCES: readonly StackLine[] = [
  { key: "strict", name: "Object", colour: "--info" },
  { key: "lease", name: "Lease", colour: "--allowed" },
  { key: "deny-cache", name: "Deny cache", colour: "--warning" },
  { key: "fallback", name: "Fallback", colour: "--error" },
];

export function sourceChart(report: Steps): ChartModel {
  return countStack(report, SOURCES);
}

/** A line for each reason that there was. */
export function failureChart(report: Steps): ChartModel {
  return countStack(
    report,
    report.series.map(({ key }, i) => ({
      key: key ?? "",
      name: key ?? "others",
      colour: COLOURS[Math.min(i, COLOURS.length - 1)] ?? "--neutral",
    })),
  );
}

/** The requests of some lines of a chart, of all steps. */
export function totalOf({ series }: Pick<Steps, "series">, keys?: readonly string[]): number {
  return series
    .filter(({ key }) => keys === undefined || keys.includes(key ?? ""))
    .flatMap(({ requests }) => requests)
    .reduce((sum, value) => sum + value, 0);
}
