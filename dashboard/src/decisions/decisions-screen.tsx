/** The decision log, newest first: filtered by the URL, with a histogram above it, page by page, and as CSV. */
import { Choice } from "../kit/choice.tsx";
import { Section } from "../kit/section.tsx";
import { Empty } from "../kit/state.tsx";
import { parseTraffic } from "../overview/traffic.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed, type PageAddress } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { RangeControl } from "../shell/range-control.tsx";
import { RefreshControl } from "../shell/refresh-control.tsx";
import { refreshMs } from "../shell/refresh.ts";
import { paramsOf, rangeOf, zoomedTo } from "../shell/time-range.ts";
import { usePolled } from "../shell/use-polled.ts";
import { CsvDownload } from "./csv-download.tsx";
import { parseLog } from "./decision-guards.ts";
import { DecisionTable } from "./decision-table.tsx";
import { countIn, Histogram } from "./histogram.tsx";
import { LogFilters } from "./log-filters.tsx";
import { csvPath, hasFilters, histogramPath, logPath, PAGE_SIZES } from "./log-query.ts";
import { RequestSearch } from "./request-search.tsx";

export function DecisionsScreen() {
  const { address, go } = usePage();
  const { params } = address;
  const range = rangeOf(params);
  const everyMs = refreshMs(params, range);
  const log = usePolled(logPath(params), parseLog, everyMs);
  const traffic = usePolled(histogramPath(params), parseTraffic, everyMs);
  const page = log.value;
  const isEmpty = page?.decisions.length === 0;
  const zoom = (fromMs: number, toMs: number) =>
    go(changed(address, { ...paramsOf(zoomedTo(fromMs, toMs)), cursor: "" }));
  const refresh = () => {
    log.refresh();
    traffic.refresh();
  };
  return (
    <>
      <div class="heading">
        <h1>Decisions</h1>
        <RequestSearch />
        <div class="heading-controls">
          <RangeControl clears={["cursor"]} />
          <RefreshControl onRefresh={refresh} />
        </div>
      </div>
      <LogFilters />
      {traffic.value !== null && countIn(traffic.value) > 0 && (
        <div class="card">
          <Histogram traffic={traffic.value} onZoom={zoom} />
        </div>
      )}
      {traffic.fault !== null && log.fault === null && <PollState polled={traffic} />}
      <Section
        title="Log"
        detail={page?.sampled === true ? "sampled: a line stands for several requests" : "newest first"}
        actions={isEmpty ? undefined : <CsvDownload path={csvPath(params)} />}
      >
        <PollState polled={log} rows={8} />
        {isEmpty && <NoDecisions isFiltered={hasFilters(params)} />}
        {page && page.decisions.length > 0 && <DecisionTable decisions={page.decisions} />}
        {page && (!isEmpty || params["cursor"] !== undefined) && (
          <Pager address={address} next={page.cursor} />
        )}
      </Section>
    </>
  );
}

function NoDecisions({ isFiltered }: { readonly isFiltered: boolean }) {
  return isFiltered ? (
    <Empty
      title="No decision in this period matches the filters"
      hint="Clear a filter, or choose a longer period."
    />
  ) : (
    <Empty title="No decisions in this period" hint="Send a request, and it appears here within seconds." />
  );
}

interface PagerProps {
  readonly address: PageAddress;
  /** The cursor of the next page; null if there is none. */
  readonly next: string | null;
}

function Pager({ address, next }: PagerProps) {
  const { go } = usePage();
  const { cursor = "", rows = String(PAGE_SIZES[1]) } = address.params;
  return (
    <div class="pager">
      {cursor !== "" && <Link to={changed(address, { cursor: "" })}>Newest</Link>}
      {next !== null && <Link to={changed(address, { cursor: next })}>Older</Link>}
      <Choice
        label="Lines"
        options={PAGE_SIZES}
        value={rows}
        onPick={(size) => go(changed(address, { cursor: "", rows: size }))}
      />
    </div>
  );
}
