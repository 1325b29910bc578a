/** Traffic in the range of the URL, compared with the period before: figures, a chart to zoom, denied users and top routes. */
import { useMemo } from "preact/hooks";
import "./overview.css";
import { TimeChart } from "../charts/time-chart.tsx";
import { fullTime } from "../charts/axis-time.ts";
import { usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { NoTraffic } from "./no-traffic.tsx";
import { parseRevisionPage } from "../policy/policy-api.ts";
import { parseOverview } from "./overview-report.ts";
import {
  isWithinADay,
  LENGTHS,
  paramsOf,
  pollEveryMs,
  rangeOf,
  reportPath,
  type TimeRange,
  titlesOf,
  zoomedOut,
  zoomedTo,
} from "../shell/time-range.ts";
import { DeniedUsers, deniedUsers, parseRouteRanking, parseUserRanking, Routes } from "./rankings.tsx";
import { Tiles } from "./tiles.tsx";
import { parseTraffic, policyMarks, trafficChart, trafficSummary } from "./traffic.ts";

const REVISIONS = "/api/v1/admin/policy/revisions?limit=100";
/** The policy changes rarely. */
const REVISIONS_EVERY_MS = 30_000;
/** Rows of a ranking. */
const RANKED = "10";

export function OverviewScreen() {
  const { address, go } = usePage();
  const range = rangeOf(address.params);
  const everyMs = pollEveryMs(range);
  const titles = titlesOf(range);
  const overview = usePolled(reportPath("overview", range), parseOverview, everyMs);
  const failures = usePolled(reportPath("overview", range, { source: "fallback" }), parseOverview, everyMs);
  const traffic = usePolled(reportPath("timeseries", range, { by: "outcome" }), parseTraffic, everyMs);
  const users = usePolled(
    reportPath("top-users", range, { order: "denied", limit: RANKED }),
    parseUserRanking,
    2 * everyMs,
  );
  const routes = usePolled(
    reportPath("top-routes", range, { limit: RANKED }),
    parseRouteRanking,
    2 * everyMs,
  );
  const revisions = usePolled(REVISIONS, parseRevisionPage, REVISIONS_EVERY_MS);
  const model = useMemo(
    () => traffic.value && trafficChart(traffic.value, revisions.value ? policyMarks(revisions.value) : []),
    [traffic.value, revisions.value],
  );
  const show = (to: TimeRange) => go(changed(address, paramsOf(to)));
  const isEmpty = overview.value !== null && overview.value.current.requests === 0;
  return (
    <>
      <div class="heading">
        <h1>Overview</h1>
        <Ranges range={range} onChoose={show} />
      </div>
      <PollState polled={overview} />
      {isEmpty && <NoTraffic when={titles.current} />}
      {overview.value !== null && (!isEmpty || overview.value.previous.requests > 0) && (
        <Tiles
          overview={overview.value}
          failures={failures.value}
          before={titles.previous}
          isStored={overview.value.backend === "engine" || isWithinADay(range, Date.now())}
        />
      )}
      {traffic.fault !== null && overview.fault === null && <PollState polled={traffic} />}
      {traffic.value !== null && model !== null && !isEmpty && (
        <div class="card">
          <TimeChart
            title="Requests per second"
            summary={trafficSummary(traffic.value)}
            model={model}
            onZoom={(fromMs, toMs) => show(zoomedTo(fromMs, toMs))}
          />
        </div>
      )}
      {!isEmpty && overview.value !== null && (
        <div class="columns">
          <section aria-labelledby="denied-users">
            <h2 id="denied-users">Most denied</h2>
            {users.value === null ? (
              <PollState polled={users} />
            ) : (
              <DeniedUsers users={deniedUsers(users.value)} />
            )}
          </section>
          <section aria-labelledby="top-routes">
            <h2 id="top-routes">Top routes</h2>
            {routes.value === null ? <PollState polled={routes} /> : <Routes routes={routes.value.routes} />}
          </section>
        </div>
      )}
    </>
  );
}

interface RangesProps {
  readonly range: TimeRange;
  readonly onChoose: (to: TimeRange) => void;
}

function Ranges({ range, onChoose }: RangesProps) {
  return (
    <div class="ranges" role="group" aria-label="Time">
      {range.kind === "between" && (
        <span>
          {fullTime(range.fromMs)} to {fullTime(range.toMs)}
        </span>
      )}
      {LENGTHS.map((length) => (
        <button
          key={length.name}
          type="button"
          aria-pressed={range.kind === "last" && range.name === length.name}
          aria-label={`${length.name}, the last ${length.title}`}
          onClick={() => onChoose(length)}
        >
          {length.name}
        </button>
      ))}
      <button type="button" onClick={() => onChoose(zoomedOut(range, Date.now()))}>
        Zoom out
      </button>
    </div>
  );
}
