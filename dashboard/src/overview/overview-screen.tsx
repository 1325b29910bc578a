/** Traffic in the range of the URL: figures with their trends, charts to zoom, and who and what is behind them. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { TimeChart } from "../charts/time-chart.tsx";
import { Section } from "../kit/section.tsx";
import { Tile, Tiles } from "../kit/tile.tsx";
import { decisionsIn } from "../shell/decision-log.ts";
import { usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { RangeControl } from "../shell/range-control.tsx";
import { RefreshControl } from "../shell/refresh-control.tsx";
import { isWithinADay, paramsOf, titleOf, zoomedTo } from "../shell/time-range.ts";
import type { Polled } from "../shell/use-polled.ts";
import { DecidedBy, DenialsByLimit, Tiers, TopRoutes, WouldDeny } from "./breakdowns.tsx";
import { figuresOf } from "./figures.ts";
import { latencyChart, latencySummary } from "./latency.ts";
import { NoTraffic } from "./no-traffic.tsx";
import { OverviewFilters } from "./overview-filters.tsx";
import type { Overview } from "./overview-report.ts";
import { type Behind, TopUsers } from "./rankings.tsx";
import { policyMarks, trafficChart, trafficSummary } from "./traffic.ts";
import { type OverviewData, useOverview, type UserOrder } from "./use-overview.ts";

export function OverviewScreen() {
  const { address, go } = usePage();
  const data = useOverview();
  const { range, filters, overview, fallback, traffic, latency, revisions } = data;
  const behind: Behind = (narrower) => decisionsIn(range, { ...filters, ...narrower });
  const marks = useMemo(() => (revisions.value ? policyMarks(revisions.value) : []), [revisions.value]);
  const requests = useMemo(() => traffic.value && trafficChart(traffic.value, marks), [traffic.value, marks]);
  const latencies = useMemo(
    () => latency.value && { ...latencyChart(latency.value), marks },
    [latency.value, marks],
  );
  const zoom = (fromMs: number, toMs: number) => go(changed(address, paramsOf(zoomedTo(fromMs, toMs))));
  const open = (fromMs: number, toMs: number) => go(decisionsIn({ kind: "between", fromMs, toMs }, filters));
  const chart = { onZoom: zoom, onOpen: open, opens: "its decisions" };
  const isEmpty = overview.value?.current.requests === 0;
  return (
    <>
      <div class="heading">
        <h1>Overview</h1>
        <div class="heading-controls">
          <RangeControl />
          <RefreshControl onRefresh={data.refresh} />
        </div>
      </div>
      <OverviewFilters />
      <PollState polled={overview} rows={4} />
      {isEmpty && (
        <NoTraffic
          when={titleOf(range)}
          isPast={range.kind === "between"}
          isFiltered={Object.keys(filters).length > 0}
        />
      )}
      {overview.value && !isEmpty && (
        <>
          <Tiles>
            {figuresOf({
              overview: overview.value,
              fallback: fallback.value,
              shadow: data.shadow.value,
              traffic: traffic.value,
              latency: latency.value,
            }).map(({ decisions, ...figure }) => (
              <Tile key={figure.name} {...figure} to={behind(decisions)} />
            ))}
          </Tiles>
          <Part title="Requests per second" polled={traffic}>
            {(value) =>
              requests && (
                <TimeChart
                  title="Requests per second"
                  isUnderHeading
                  summary={trafficSummary(value)}
                  model={requests}
                  {...chart}
                />
              )
            }
          </Part>
          <div class="columns">
            <div>
              <Part title="Time to decide" polled={latency}>
                {(value) =>
                  latencies && (
                    <TimeChart
                      title="Time to decide"
                      isUnderHeading
                      summary={latencySummary(value)}
                      model={latencies}
                      height={160}
                      {...chart}
                    />
                  )
                }
              </Part>
              <Users data={data} behind={behind} />
            </div>
            <Tables data={data} behind={behind} />
          </div>
          <Basis overview={overview.value} isWithinADay={isWithinADay(range, Date.now())} />
        </>
      )}
    </>
  );
}

interface TablesProps {
  readonly data: OverviewData;
  readonly behind: Behind;
}

function Users({ data: { users, order }, behind }: TablesProps) {
  const { address, go } = usePage();
  const rank = (by: UserOrder) => go(changed(address, { order: by === "requests" ? "" : by }), true);
  return (
    <Part title="Top users" polled={users}>
      {(ranking) => <TopUsers ranking={ranking} order={order} onOrder={rank} behind={behind} />}
    </Part>
  );
}

function Tables({ data: { denials, shadow, routes, tiers, latency }, behind }: TablesProps) {
  return (
    <div>
      <Part title="Denials by limit" polled={denials}>
        {(report) => <DenialsByLimit report={report} behind={behind} />}
      </Part>
      {(shadow.value?.requests ?? 0) > 0 && (
        <Part title="Would deny, in shadow" polled={shadow}>
          {(report) => <WouldDeny report={report} behind={behind} />}
        </Part>
      )}
      <Part title="Top routes" polled={routes}>
        {(ranking) => <TopRoutes ranking={ranking} behind={behind} />}
      </Part>
      <Part title="Tiers" polled={tiers}>
        {(report) => <Tiers report={report} behind={behind} />}
      </Part>
      <Part title="Where decisions are made" polled={latency}>
        {(report) => <DecidedBy report={report} behind={behind} />}
      </Part>
    </div>
  );
}

interface PartProps<T> {
  readonly title: string;
  readonly polled: Polled<T>;
  readonly children: (value: T) => ComponentChildren;
}

/** A section with the data of one report. */
function Part<T>({ title, polled, children }: PartProps<T>) {
  return (
    <Section title={title}>
      <PollState polled={polled} />
      {polled.value !== null && children(polled.value)}
    </Section>
  );
}

/** What the figures are counted from. */
function Basis({
  overview,
  isWithinADay: isKept,
}: {
  readonly overview: Overview;
  readonly isWithinADay: boolean;
}) {
  return (
    <p class="caption">
      {overview.sampled ? "The figures are estimates from a sample. " : "Every decision is counted. "}
      Changes compare with the period before. “Turned away”: rejected for another reason than a limit, such as
      bad credentials.
      {overview.backend === "embedded" &&
        !isKept &&
        " Only the last day is stored here. Set ANALYTICS_API_TOKEN to query three months from Analytics Engine."}
    </p>
  );
}
