/** The requests of a subject (`user:<id>` or `ip:<address>`) in a range, from analytics, which bills never use. */
import { useMemo } from "preact/hooks";
import { countStack, OUTCOME_STACK } from "../charts/outcome-stack.ts";
import { TimeChart } from "../charts/time-chart.tsx";
import { parseLog } from "../decisions/decision-guards.ts";
import { DecisionTable } from "../decisions/decision-table.tsx";
import { Section } from "../kit/section.tsx";
import { Empty } from "../kit/state.tsx";
import { count, counted, percent } from "../shell/format.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed, type PageAddress } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { RangeControl } from "../shell/range-control.tsx";
import { paramsOf, pollEveryMs, rangeOf, reportPath, titleOf, zoomedTo } from "../shell/time-range.ts";
import { usePolled } from "../shell/use-polled.ts";
import { parseUserReport, type UserReport } from "./user-report.ts";

const CHART_HEIGHT = 160;
/** Lines of the log. */
const LATEST = "8";
const TOP = "8";

export function RecentRequests({ subject }: { readonly subject: string }) {
  const { address, go } = usePage();
  const range = rangeOf(address.params);
  const everyMs = pollEveryMs(range);
  const polled = usePolled(
    reportPath("user", range, { account: subject, limit: TOP }),
    parseUserReport,
    everyMs,
  );
  const log = reportPath("decisions", range, { account: subject, limit: LATEST });
  const latest = usePolled(log, parseLog, everyMs);
  const report = polled.value;
  const model = useMemo(() => report && countStack(report, OUTCOME_STACK), [report]);
  const behind = (more: Readonly<Record<string, string>> = {}): PageAddress => ({
    screen: "decisions",
    params: { account: subject, ...paramsOf(range), ...more },
  });
  const current = titleOf(range);
  return (
    <Section title="Requests" actions={<RangeControl />}>
      <PollState polled={polled} />
      {report?.totals.requests === 0 && <Empty title={`No requests ${current}`} />}
      {report && model && report.totals.requests > 0 && (
        <>
          <TimeChart
            title={`Requests ${current}`}
            summary={summaryOf(report)}
            model={model}
            height={CHART_HEIGHT}
            onZoom={(fromMs, toMs) => go(changed(address, paramsOf(zoomedTo(fromMs, toMs))))}
            onOpen={(fromMs, toMs) => go(behind(paramsOf({ kind: "between", fromMs, toMs })))}
            opens="its decisions"
          />
          <Top report={report} behind={behind} />
          <h3>Latest decisions</h3>
          <DecisionTable decisions={latest.value?.decisions ?? []} isOneSubject />
          <p>
            <Link to={behind()}>All decisions {current}</Link>
          </p>
        </>
      )}
    </Section>
  );
}

interface TopProps {
  readonly report: UserReport;
  /** The decisions behind a figure. */
  readonly behind: (more: Readonly<Record<string, string>>) => PageAddress;
}

/** Routes by requests, and limits by denials. */
function Top({ report: { routes, reasons, totals }, behind }: TopProps) {
  return (
    <ul class="facts">
      {routes.map(({ route, requests }) => (
        <li key={`to ${route}`}>
          <Link to={behind({ route })}>
            <code>{route}</code> {count(requests)}
          </Link>{" "}
          <span class="quiet">{percent(requests, totals.requests)}</span>
        </li>
      ))}
      {reasons.map(({ reason, denied }) => (
        <li key={`by ${reason}`}>
          <Link to={behind({ outcome: "denied", reason })}>
            denied by {reason} {count(denied)}
          </Link>{" "}
          <span class="quiet">{percent(denied, totals.decided)}</span>
        </li>
      ))}
    </ul>
  );
}

/** Outcomes that did not occur are left out. */
function summaryOf({ totals, sampled }: UserReport): string {
  const { requests, allowed, denied, turnedAway, errors } = totals;
  const parts = [
    [allowed, "allowed"],
    [denied, "denied"],
    [turnedAway, "turned away"],
    [errors, "errors"],
  ] as const;
  const said = parts.filter(([value]) => value > 0).map(([value, name]) => `${count(value)} ${name}`);
  return `${sampled ? "about " : ""}${counted(requests, "request")}: ${said.join(", ")}`;
}
