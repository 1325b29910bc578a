/** The charts of recorded health: each says what it means, leads to the decisions behind it, and names its instruction. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { ChartModel } from "../charts/chart-model.ts";
import { TimeChart } from "../charts/time-chart.tsx";
import { Section } from "../kit/section.tsx";
import { Empty } from "../kit/state.tsx";
import { count, percent } from "../shell/format.ts";
import { Link } from "../shell/page.tsx";
import { PollState } from "../shell/poll-state.tsx";
import { paramsOf, pollEveryMs, reportPath, type TimeRange } from "../shell/time-range.ts";
import { type Polled, usePolled } from "../shell/use-polled.ts";
import {
  failureChart,
  latencyChart,
  parseLatency,
  parseTimeseries,
  sourceChart,
  totalOf,
} from "./history.ts";

interface Props {
  readonly range: TimeRange;
  readonly onZoom: (fromMs: number, toMs: number) => void;
  /** A panel beside the charts. */
  readonly children: ComponentChildren;
}

const HEIGHT = 140;

export function HistoryCharts({ range, onZoom, children }: Props) {
  const everyMs = pollEveryMs(range);
  const path = (name: string, more: Readonly<Record<string, string>> = {}) => reportPath(name, range, more);
  const failures = usePolled(
    path("timeseries", { by: "reason", outcome: "error" }),
    parseTimeseries,
    everyMs,
  );
  const sources = usePolled(path("timeseries", { by: "source" }), parseTimeseries, everyMs);
  const latency = usePolled(path("latency"), parseLatency, everyMs);
  const within = paramsOf(range);
  const failed = failures.value === null ? 0 : totalOf(failures.value);
  const decided =
    sources.value === null ? 0 : totalOf(sources.value, ["strict", "lease", "deny-cache", "fallback"]);
  const fallback = sources.value === null ? 0 : totalOf(sources.value, ["fallback"]);
  return (
    <div class="columns">
      <History
        title="Failures"
        meaning="Requests that failed in the limiter or upstream, by reason."
        instruction="EdgeLimiterErrors"
        summary={`${count(failed)} requests.`}
        isEmpty={failures.value !== null && failed === 0}
        polled={failures}
        chart={failureChart}
        onZoom={onZoom}
      >
        <Link to={{ screen: "decisions", params: { ...within, outcome: "error" } }}>
          Open these decisions
        </Link>
      </History>
      <History
        title="Decided by"
        meaning="Fallback decides by the tier's failure policy, because the user's object did not answer."
        instruction="EdgeLimiterFailing"
        summary={`${percent(fallback, decided)} by fallback.`}
        polled={sources}
        chart={sourceChart}
        onZoom={onZoom}
      >
        <Link to={{ screen: "decisions", params: { ...within, source: "fallback" } }}>
          Open fallback decisions
        </Link>
      </History>
      <History
        title="Decision time"
        meaning="What the limiter adds to a request. An object far away is slow; a lease removes the call."
        instruction="EdgeLimiterSlow"
        summary=""
        polled={latency}
        chart={latencyChart}
        onZoom={onZoom}
      >
        <Link to={{ screen: "decisions", params: { ...within, source: "strict" } }}>
          Open decisions of objects
        </Link>
      </History>
      {children}
    </div>
  );
}

interface HistoryProps<T> {
  readonly title: string;
  readonly meaning: string;
  readonly instruction: string;
  readonly summary: string;
  /** Whether there is nothing to draw. */
  readonly isEmpty?: boolean;
  readonly polled: Polled<T>;
  /** Must be the same function on every render. */
  readonly chart: (report: T) => ChartModel;
  readonly onZoom: Props["onZoom"];
  readonly children: ComponentChildren;
}

function History<T>(props: HistoryProps<T>) {
  const { title, meaning, instruction, summary, isEmpty, polled, chart, onZoom, children } = props;
  const { value } = polled;
  const model = useMemo(() => (value === null ? null : chart(value)), [value]);
  return (
    <Section title={title} actions={children}>
      <PollState polled={polled} />
      {isEmpty === true && <Empty title="No request failed in this period" />}
      {model && isEmpty !== true && (
        <TimeChart title="" summary={summary} model={model} height={HEIGHT} onZoom={onZoom} />
      )}
      <p class="caption">
        {meaning} See <code>{instruction}</code> in docs/operations.md.
      </p>
    </Section>
  );
}
