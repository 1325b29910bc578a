/** The health of the limiter itself: checks, failures over time, caches, and counters. */
import "./system.css";
import { Badge } from "../kit/badge.tsx";
import { Section } from "../kit/section.tsx";
import { Tile, Tiles } from "../kit/tile.tsx";
import { When } from "../kit/time.tsx";
import { count } from "../shell/format.ts";
import { usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { RangeControl } from "../shell/range-control.tsx";
import { paramsOf, rangeOf, zoomedTo } from "../shell/time-range.ts";
import { type Polled, usePolled } from "../shell/use-polled.ts";
import { CheckList } from "./check-list.tsx";
import { CacheTable, CounterTables, PoolTable } from "./counter-tables.tsx";
import { figureOver, type HealthReading } from "./health-reading.ts";
import { HistoryCharts } from "./history-charts.tsx";
import { checksSummary, systemChecks } from "./system-checks.ts";
import { parseChecks, type SystemReport, systemReport } from "./system-report.ts";
import { useHealth } from "./use-health.ts";

type ProbeAnswer = ReadonlyMap<string, string>;

export function SystemScreen() {
  const { address, go } = usePage();
  const range = rangeOf(address.params);
  const { polled, first, readings } = useHealth();
  const health = usePolled("/health", parseChecks);
  const ready = usePolled("/ready", parseChecks);
  const report = polled.value && first ? systemReport(polled.value, first) : null;
  const areProbed = [health, ready].every(({ value, fault }) => value !== null || fault !== null);
  const checks =
    report && areProbed ? systemChecks(report, { health: answerOf(health), ready: answerOf(ready) }) : null;
  const zoom = (fromMs: number, toMs: number) => go(changed(address, paramsOf(zoomedTo(fromMs, toMs))));
  const summary = checks === null ? null : checksSummary(checks);
  const isOk = checks?.every(({ state }) => state !== "attention") ?? true;
  return (
    <>
      <div class="heading">
        <div class="heading-controls">
          <h1>System</h1>
          <span role="status">
            {summary !== null && <Badge tone={isOk ? "allowed" : "error"}>{summary}</Badge>}
          </span>
        </div>
        <RangeControl />
      </div>
      <PollState polled={polled} />
      {report && <Figures report={report} readings={readings} />}
      {checks && (
        <Section title="Checks" detail={<Opened readings={readings} />}>
          <CheckList checks={checks} readings={readings} />
        </Section>
      )}
      <HistoryCharts range={range} onZoom={zoom}>
        {report && <CacheTable report={report} readings={readings} />}
      </HistoryCharts>
      {report && <PoolTable report={report} />}
      {report && <CounterTables report={report} />}
    </>
  );
}

/** /ready reports its checks with a 503 as well. */
function answerOf({ value, fault, faultBody }: Polled<ProbeAnswer>): ProbeAnswer | null {
  return fault === null ? value : parseChecks(faultBody);
}

/** Since when the page has readings: the product keeps no history of these figures. */
function Opened({ readings: [first] }: { readonly readings: readonly HealthReading[] }) {
  return first ? (
    <>
      read since you opened this page, at <When iso={first.atMs} isShort />; instructions are in
      docs/operations.md
    </>
  ) : null;
}

/** Isolates report with the requests that they handle; after five minutes without any, reports are dropped. */
const NOT_REPORTED = "no request in five minutes";

interface FiguresProps {
  readonly report: SystemReport;
  readonly readings: readonly HealthReading[];
}

function Figures({ report, readings }: FiguresProps) {
  const { versions, revision, activeUsers, usersNearLimit } = report;
  const perMinute = figureOver(readings, "requests");
  const now = perMinute.at(-1) ?? null;
  const text = (value: number | null) => (value === null ? "–" : count(Math.round(value)));
  return (
    <Tiles>
      <Tile
        name="Version"
        value={versions.join(", ") || "–"}
        detail={versions.length === 0 ? NOT_REPORTED : "of the Worker"}
      />
      <Tile
        name="Policy revision"
        value={text(revision)}
        detail={
          report.policyStaleSeconds === null
            ? NOT_REPORTED
            : `at most ${count(report.policyStaleSeconds)} s behind`
        }
        to={{ screen: "policy", params: {} }}
      />
      <Tile
        name="Requests a minute"
        value={text(now)}
        detail={now === null ? "known with the next reading" : ""}
        spark={perMinute}
        to={{ screen: "decisions", params: {} }}
      />
      <Tile
        name="Users in five minutes"
        value={text(activeUsers)}
        detail="and addresses"
        spark={figureOver(readings, "activeUsers")}
        to={{ screen: "user", params: {} }}
      />
      <Tile
        name="Near a limit"
        value={text(usersNearLimit)}
        detail="of them, with a tenth left"
        spark={figureOver(readings, "usersNearLimit")}
        tone={usersNearLimit !== null && usersNearLimit > 0 ? "warning" : "info"}
        to={{ screen: "decisions", params: { outcome: "denied" } }}
      />
    </Tiles>
  );
}
