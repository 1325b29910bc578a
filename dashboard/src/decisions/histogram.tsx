/** How many of the listed decisions there were over time, by outcome. A span that is selected in it narrows the log. */
import { useMemo } from "preact/hooks";
import type { ChartModel } from "../charts/chart-model.ts";
import { OUTCOME_STACK } from "../charts/outcome-stack.ts";
import { TimeChart } from "../charts/time-chart.tsx";
import type { Traffic } from "../overview/traffic.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../shell/durations.ts";
import { count, duration, exact } from "../shell/format.ts";

interface Props {
  readonly traffic: Traffic;
  readonly onZoom: (fromMs: number, toMs: number) => void;
}

const HEIGHT = 120;

export function Histogram({ traffic, onZoom }: Props) {
  const model = useMemo(() => modelOf(traffic), [traffic]);
  return (
    <TimeChart
      title={`Requests per ${stepText(traffic.stepMs)}`}
      summary={summaryOf(traffic)}
      model={model}
      height={HEIGHT}
      onZoom={onZoom}
    />
  );
}

/** "minute", "5 min": the width of a step. */
function stepText(stepMs: number): string {
  const single = { [SECOND_MS]: "second", [MINUTE_MS]: "minute", [HOUR_MS]: "hour", [DAY_MS]: "day" }[stepMs];
  return single ?? duration(stepMs);
}

function modelOf({ timesMs, stepMs, requests }: Traffic): ChartModel {
  return {
    timesMs,
    stepMs,
    isStacked: true,
    lines: OUTCOME_STACK.map(({ key, name, colour }) => ({ name, colour, values: requests[key] })),
    show: count,
  };
}

function summaryOf(traffic: Traffic): string {
  const total = countIn(traffic);
  return total === 1 ? "1 request" : `${exact(total)} requests`;
}

/** All requests that the log lists, over all of its pages. */
export function countIn({ requests }: Traffic): number {
  return Object.values(requests)
    .flat()
    .reduce((sum, value) => sum + value, 0);
}
