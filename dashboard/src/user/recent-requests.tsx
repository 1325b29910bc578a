/** The recent requests of a subject (`user:<id>` or `ip:<address>`), from analytics, which bills never use. */
import { useMemo, useState } from "preact/hooks";
import type { ChartModel } from "../charts/chart-model.ts";
import { OUTCOME_STACK } from "../charts/outcome-stack.ts";
import { TimeChart } from "../charts/time-chart.tsx";
import { parseLog } from "../decisions/decision-guards.ts";
import { DecisionDialog } from "../decisions/decision-dialog.tsx";
import { DecisionTable } from "../decisions/decision-table.tsx";
import type { LoggedDecision } from "../shell/answers.ts";
import { count, percent } from "../shell/format.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { parseUserReport, type UserReport } from "./user-report.ts";

const RANGES = [
  ["15 min", 900],
  ["1 h", 3_600],
  ["6 h", 21_600],
  ["24 h", 86_400],
] as const;
const USUAL_SECONDS = 3_600;
const CHART_HEIGHT = 180;
/** Lines of the log. */
const LATEST = "8";

export function RecentRequests({ subject }: { readonly subject: string }) {
  const { address } = usePage();
  const wanted = Number(address.params["last"]);
  const seconds = RANGES.find(([, of]) => of === wanted)?.[1] ?? USUAL_SECONDS;
  const query = new URLSearchParams({ account: subject, limit: "5", last: String(seconds) });
  const polled = usePolled(`/api/v1/admin/reports/user?${query}`, parseUserReport);
  const report = polled.value;
  const log = new URLSearchParams({ account: subject, limit: LATEST, last: String(seconds) });
  const latest = usePolled(`/api/v1/admin/reports/decisions?${log}`, parseLog);
  const decisions = latest.value?.decisions ?? [];
  const [opened, setOpened] = useState<LoggedDecision | null>(null);
  const model = useMemo(() => report && modelOf(report), [report]);
  return (
    <section aria-labelledby="requests-title" class="small-chart">
      <h2 id="requests-title">Requests</h2>
      <nav class="ranges" aria-label="Time">
        {RANGES.map(([name, of]) => (
          <Link key={name} to={changed(address, { last: String(of) })} isCurrent={of === seconds}>
            {name}
          </Link>
        ))}
      </nav>
      <PollState polled={polled} />
      {report && model && (
        <>
          {report.totals.requests === 0 ? (
            <p>No requests in this period.</p>
          ) : (
            <TimeChart
              title="Requests per step"
              summary={summaryOf(report)}
              model={model}
              height={CHART_HEIGHT}
            />
          )}
          <Top report={report} />
        </>
      )}
      {decisions.length > 0 && (
        <>
          <h3>Latest decisions</h3>
          <DecisionTable decisions={decisions} onOpen={setOpened} isOneSubject />
        </>
      )}
      <p>
        <Link to={{ screen: "decisions", params: { account: subject } }}>All decisions of the last hour</Link>
      </p>
      {opened && <DecisionDialog decision={opened} onClose={() => setOpened(null)} />}
    </section>
  );
}

function Top({ report: { routes, reasons, totals } }: { readonly report: UserReport }) {
  if (totals.requests === 0) return null;
  return (
    <ul class="facts">
      {routes.map(({ route, requests }) => (
        <li key={`to ${route}`}>
          {percent(requests, totals.requests)} to <code>{route}</code>
        </li>
      ))}
      {reasons.map(({ reason, denied }) => (
        <li key={`by ${reason}`}>
          {count(denied)} denied by <code>{reason}</code>
        </li>
      ))}
    </ul>
  );
}

function modelOf({ times, series, intervalSeconds }: UserReport): ChartModel {
  return {
    timesMs: times.map((at) => Date.parse(at)),
    stepMs: intervalSeconds * 1_000,
    isStacked: true,
    lines: OUTCOME_STACK.map(({ key, name, colour }) => ({
      name,
      colour,
      values: series.find((line) => line.key === key)?.requests ?? times.map(() => 0),
    })),
    show: count,
  };
}

function summaryOf({ totals, sampled, intervalSeconds }: UserReport): string {
  const { requests, allowed, denied, turnedAway, errors } = totals;
  const about = sampled ? "about " : "";
  return `${about}${count(requests)} requests: ${count(allowed)} allowed, ${count(denied)} denied, ${count(turnedAway)} turned away, ${count(errors)} errors. Steps of ${intervalSeconds} s.`;
}
