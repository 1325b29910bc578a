/** The decision log, newest first: filtered by the URL, page by page, with a dialog for each line, and as CSV. */
import { useState } from "preact/hooks";
import type { LoggedDecision } from "../shell/answers.ts";
import { pathAt } from "../shell/moving-path.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { Time } from "../shell/time.tsx";
import { paramsOf, rangeOf } from "../shell/time-range.ts";
import { usePolled } from "../shell/use-polled.ts";
import { parseLog } from "./decision-guards.ts";
import { DecisionDialog } from "./decision-dialog.tsx";
import { DecisionTable } from "./decision-table.tsx";
import { LogFilters } from "./log-filters.tsx";
import { csvPath, hasFilters, logPath } from "./log-query.ts";

export function DecisionsScreen() {
  const { address } = usePage();
  const { params } = address;
  const [opened, setOpened] = useState<LoggedDecision | null>(null);
  const polled = usePolled(logPath(params), parseLog);
  const page = polled.value;
  const range = rangeOf(params);
  const isFirst = (params["cursor"] ?? "") === "";
  return (
    <>
      <h1>Decisions</h1>
      <LogFilters />
      <p class="pages">
        {range.kind === "between" && (
          <span>
            <Time at={range.fromMs} /> to <Time at={range.toMs} />
          </span>
        )}
        {hasFilters(params) && <Link to={{ ...address, params: paramsOf(range) }}>Clear filters</Link>}
        <a href={pathAt(csvPath(params), Date.now())} download="decisions.csv">
          Download as CSV (up to 1,000 lines)
        </a>
      </p>
      <PollState polled={polled} />
      {page?.decisions.length === 0 && (
        <p>
          {hasFilters(params)
            ? "No decision in this period matches the filters."
            : "No decisions in this period. Send a request, and it appears here within seconds."}
        </p>
      )}
      {page && page.decisions.length > 0 && <DecisionTable decisions={page.decisions} onOpen={setOpened} />}
      <p class="pages">
        {!isFirst && <Link to={changed(address, { cursor: "" })}>Newest</Link>}
        {page && page.cursor !== null && <Link to={changed(address, { cursor: page.cursor })}>Older</Link>}
      </p>
      {opened && <DecisionDialog decision={opened} onClose={() => setOpened(null)} />}
    </>
  );
}
