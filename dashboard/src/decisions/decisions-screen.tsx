/** The log of recorded decisions, newest first: filtered by the URL, page by page, one opened to see why, or as CSV. */
import { useState } from "preact/hooks";
import { LENGTHS, paramsOf, rangeOf } from "../overview/range.ts";
import { pathAt } from "../shell/moving-path.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { Time } from "../shell/time.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { type Decision, OUTCOMES, parseLog, SOURCES } from "./decision.ts";
import { DecisionDialog } from "./decision-dialog.tsx";
import { DecisionTable } from "./decision-table.tsx";
import { accountFilter, csvPath, hasFilters, logPath, PAGE_SIZES, TEXT_FILTERS } from "./log-query.ts";

const LABELS: Readonly<Record<(typeof TEXT_FILTERS)[number], string>> = {
  account: "User, or ip:address",
  route: "Route",
  tier: "Tier",
  reason: "Reason, or limit",
  keyId: "Key id",
};
const LONGEST_FILTER = 512;

export function DecisionsScreen() {
  const { address, go } = usePage();
  const { params } = address;
  const [opened, setOpened] = useState<Decision | null>(null);
  const polled = usePolled(logPath(params), parseLog);
  const page = polled.value;
  const range = rangeOf(params);
  const isFirst = (params["cursor"] ?? "") === "";
  // A page of other lines is none of these.
  const filter = (change: Readonly<Record<string, string>>) =>
    go(changed(address, { cursor: "", ...change }));
  return (
    <>
      <h1>Decisions</h1>
      <form class="log-filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <label>
          Time
          <select
            value={range.kind === "last" ? range.name : ""}
            onChange={(event) => {
              const length = LENGTHS.find(({ name }) => name === event.currentTarget.value);
              if (length) filter(paramsOf(length));
            }}
          >
            {range.kind === "between" && <option value="">as chosen</option>}
            {LENGTHS.map(({ name, title }) => (
              <option key={name} value={name}>
                last {title}
              </option>
            ))}
          </select>
        </label>
        <Choice name="outcome" title="Outcome" values={OUTCOMES} onChange={filter} />
        <Choice name="source" title="Decided by" values={SOURCES} onChange={filter} />
        {TEXT_FILTERS.map((name) => (
          <label key={name}>
            {LABELS[name]}
            <input
              type="search"
              // The URL may change by other ways than typing.
              key={params[name] ?? ""}
              defaultValue={params[name] ?? ""}
              maxLength={LONGEST_FILTER}
              autocomplete="off"
              onChange={(event) => {
                const typed = event.currentTarget.value.trim();
                filter({ [name]: name === "account" ? accountFilter(typed) : typed });
              }}
            />
          </label>
        ))}
        <label>
          Lines
          <select
            value={params["rows"] ?? String(PAGE_SIZES[1])}
            onChange={(event) => filter({ rows: event.currentTarget.value })}
          >
            {PAGE_SIZES.map((size) => (
              <option key={size}>{size}</option>
            ))}
          </select>
        </label>
      </form>
      <p class="pages">
        {range.kind === "between" && (
          <span>
            <Time at={range.fromMs} /> to <Time at={range.toMs} />
          </span>
        )}
        {hasFilters(params) && <Link to={{ ...address, params: paramsOf(range) }}>Without filters</Link>}
        <a href={pathAt(csvPath(params), Date.now())} download="decisions.csv">
          Download as CSV (up to 1,000 lines)
        </a>
      </p>
      <PollState polled={polled} />
      {page?.decisions.length === 0 && (
        <p>
          {hasFilters(params)
            ? "No decision of this time is like this."
            : "No decisions in this time. Send a request, and it is here some seconds later."}
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

interface ChoiceProps {
  readonly name: string;
  readonly title: string;
  readonly values: readonly string[];
  readonly onChange: (change: Readonly<Record<string, string>>) => void;
}

function Choice({ name, title, values, onChange }: ChoiceProps) {
  const { params } = usePage().address;
  return (
    <label>
      {title}
      <select
        value={params[name] ?? ""}
        onChange={(event) => onChange({ [name]: event.currentTarget.value })}
      >
        <option value="">any</option>
        {values.map((value) => (
          <option key={value}>{value}</option>
        ))}
      </select>
    </label>
  );
}
