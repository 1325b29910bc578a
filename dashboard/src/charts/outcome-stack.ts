/** Counts of requests over time as a stacked chart, by outcome or by another field. Pure. */
import type { LoggedDecision, Report } from "../shell/answers.ts";
import { SECOND_MS } from "../shell/durations.ts";
import { count } from "../shell/format.ts";
import type { ChartModel, ColourToken } from "./chart-model.ts";

/** A line of the chart: the series with this key. */
export interface StackLine {
  readonly key: string;
  readonly name: string;
  readonly colour: ColourToken;
  readonly isCalm?: boolean;
}

interface OutcomeLine extends StackLine {
  readonly key: LoggedDecision["outcome"];
}

/** From the bottom of the stack to its top. */
export const OUTCOME_STACK: readonly OutcomeLine[] = [
  { key: "allowed", name: "Allowed", colour: "--allowed", isCalm: true },
  { key: "denied", name: "Denied", colour: "--denied" },
  { key: "turned_away", name: "Turned away", colour: "--neutral" },
  { key: "error", name: "Errors", colour: "--error" },
];

/** @param lines from the bottom of the stack to its top. A missing series had no requests. */
export function countStack(
  { times, series, intervalSeconds }: Pick<Report<"timeseries">, "times" | "series" | "intervalSeconds">,
  lines: readonly StackLine[],
): ChartModel {
  return {
    timesMs: times.map((at) => Date.parse(at)),
    stepMs: intervalSeconds * SECOND_MS,
    isStacked: true,
    lines: lines.map(({ key, ...line }) => {
      const values = series.find((one) => (one.key ?? "") === key)?.requests ?? times.map(() => 0);
      return { ...line, values };
    }),
    show: count,
  };
}
