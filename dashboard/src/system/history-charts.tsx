/** The charts of recorded health: each says what it means, leads to the decisions behind it, and names its instruction. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { ChartModel } from "../charts/chart-model.ts";
import { TimeChart } from "../charts/time-chart.tsx";
import { Section } from "../kit/section.tsx";
import { Empty } from "../kit/state.tsx";
import { counted, percent } from "../shell/format.ts";
import { decisionsIn, type LogFilters } from "../shell/decision-log.ts";
import { Link, usePage } from "../shell/page.tsx";
import type { PageAddress } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { parseTimeseries } from "../shell/report-guards.ts";
import { pollEveryMs, reportPath, type TimeRange } from "../shell/time-range.ts";
import { type Polled, usePolled } from "../shell/use-polled.ts";
import { latencyChart, latencySummary, parseLatency } from "../overview/latency.ts";
import { failureChart, sourceChart, totalOf } from "./history.ts";

interface Props {
  readonly range: TimeRange;
  readonly onZoom: (fromMs: number, toMs: number) => void;
  /** A panel beside the charts. */
  readonly children: ComponentChildren;
}

const HEIGHT = 140;

export function HistoryCharts({ range, onZoom, children }: Props) {
  const { go } = usePage();
  const everyMs = pollEveryMs(range);
  const path = (name: string, more: Readonly<Record<string, string>> = {}) => reportPath(name, range, more);
  const failures = usePolled(
    path("timeseries", { by: "reason", outcome: "error" }),
    parseTimeseries,
    everyMs,
  );
  const sources = usePolled(path("timeseries", { by: "source" }), parseTimeseries, everyMs);
  const latency = usePolled(path("latency"), parseLatency, everyMs);
  const failed = failures.value && totalOf(failures.value);
  const decided = sources.value && totalOf(sources.value, ["strict", "lease", "deny-cache", "fallback"]);
  const fallback = sources.value && totalOf(sources.value, ["fallback"]);
  const none = decided === 0 ? "No decisions in this period" : null;
  const behind = (filters: LogFilters) => ({
    to: decisionsIn(range, filters),
    onZoom,
    onOpen: (fromMs: number, toMs: number) => go(decisionsIn({ kind: "between", fromMs, toMs }, filters)),
  });
  return (
    <div class="columns">
      <History
        title="Failures"
        meaning="Requests that failed in the limiter or upstream, by reason."
        instruction="EdgeLimiterErrors"
        summary={`${counted(failed ?? 0, "request")}.`}
        empty={failed === 0 ? "No request failed in this period" : null}
        polled={failures}
        chart={failureChart}
        {...behind({ outcome: "error" })}
      />
      <History
        title="Decided by"
        meaning="Fallback: the tier's failure policy decided, because the user's object did not answer."
        instruction="EdgeLimiterFailing"
        summary={`${percent(fallback ?? 0, decided ?? 0)} by fallback.`}
        empty={none}
        polled={sources}
        chart={sourceChart}
        {...behind({ source: "fallback" })}
      />
      <History
        title="Time to decide"
        meaning="What the limiter adds to a request. A lease removes the call to a far object."
        instruction="EdgeLimiterSlow"
        summary={latency.value === null ? "" : latencySummary(latency.value)}
        empty={none}
        polled={latency}
        chart={latencyChart}
        {...behind({ source: "strict" })}
      />
      {children}
    </div>
  );
}

interface HistoryProps<T> {
  readonly title: string;
  readonly meaning: string;
  readonly instruction: string;
  readonly summary: string;
  /** What to say if there is nothing to draw; null if there is. */
  readonly empty: string | null;
  readonly polled: Polled<T>;
  /** Must be the same function on every render. */
  readonly chart: (report: T) => ChartModel;
  /** The decisions behind it. */
  readonly to: PageAddress;
  readonly onZoom: Props["onZoom"];
  readonly onOpen: Props["onZoom"];
}

function History<T>(props: HistoryProps<T>) {
  const { title, meaning, instruction, summary, empty, polled, chart, to, onZoom, onOpen } = props;
  const { value } = polled;
  const model = useMemo(() => (value === null ? null : chart(value)), [value]);
  return (
    <Section title={title} actions={<Link to={to}>Open decisions</Link>}>
      <PollState polled={polled} />
      {empty !== null && <Empty title={empty} />}
      {model && empty === null && (
        <TimeChart
          title={title}
          isUnderHeading
          summary={summary}
          model={model}
          height={HEIGHT}
          onZoom={onZoom}
          onOpen={onOpen}
          opens="its decisions"
        />
      )}
      <p class="caption">
        {meaning} See <code>{instruction}</code> in docs/operations.md.
      </p>
    </Section>
  );
}
