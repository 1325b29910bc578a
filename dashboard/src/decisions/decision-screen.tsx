/** The page of a decision, by its request id: a permanent link for as long as the log keeps it. A batch has several decisions. */
import "./decisions.css";
import { Empty } from "../kit/state.tsx";
import { When } from "../kit/time.tsx";
import type { LoggedDecision, Report } from "../shell/answers.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { DecisionDetails } from "./decision-details.tsx";
import { parseLog } from "./decision-guards.ts";
import { requestIdsOf, titleOf } from "./decision-text.ts";
import { LONG_SEARCH_DAYS, requestPath } from "./log-query.ts";
import { RequestSearch } from "./request-search.tsx";
import { Outcome } from "./outcome.tsx";

/** A request that was sent just now is recorded within seconds. */
const EVERY_MS = 5_000;

export function DecisionScreen() {
  const { params } = usePage().address;
  const { id = "" } = params;
  const polled = usePolled(id === "" ? null : requestPath(params), parseLog, EVERY_MS);
  const { value } = polled;
  // An older Worker in a rollout ignores the request id.
  const decisions = value?.decisions.filter((decision) => requestIdsOf(decision).includes(id)) ?? [];
  const [only] = decisions;
  return (
    <>
      <p class="caption">
        <Link to={{ screen: "decisions", params: {} }}>Decisions</Link> › <code>{id}</code>
      </p>
      <div class="heading">
        {decisions.length === 1 && only ? (
          <div class="heading-controls">
            <Outcome of={only} />
            <h1>{titleOf(only)}</h1>
          </div>
        ) : (
          <h1>Decision</h1>
        )}
        <RequestSearch />
      </div>
      {id === "" ? (
        <Empty title="No request id is given" hint="Every response has one, in its header X-Request-Id." />
      ) : (
        <PollState polled={polled} rows={8} />
      )}
      {value && decisions.length === 0 && <NotFound report={value} />}
      {decisions.length === 1 && only && <DecisionDetails decision={only} />}
      {value && decisions.length > 1 && <Batch decisions={decisions} isComplete={value.cursor === null} />}
    </>
  );
}

function NotFound({ report: { backend, notFound, from, to } }: { readonly report: Report<"decisions"> }) {
  const { address } = usePage();
  const { at = "", days = "" } = address.params;
  const isLongest = days !== "" || backend === "embedded";
  return (
    <Empty
      title="No decision has this request id"
      hint={
        <>
          <p>
            Searched from <When iso={from} /> to <When iso={to} />.
            {notFound !== null && (
              <>
                {" "}
                The log begins at <When iso={notFound.logBegins} />.
              </>
            )}
          </p>
          <p>{notFound?.detail}</p>
        </>
      }
      action={
        at !== "" ? (
          <Link to={changed(address, { at: "" })}>Search the last day</Link>
        ) : isLongest ? (
          <Link to={{ screen: "decisions", params: {} }}>Open the log</Link>
        ) : (
          <Link to={changed(address, { days: String(LONG_SEARCH_DAYS) })}>
            Search the last {LONG_SEARCH_DAYS} days
          </Link>
        )
      }
    />
  );
}

interface BatchProps {
  readonly decisions: readonly LoggedDecision[];
  /** Whether these are all that are recorded. */
  readonly isComplete: boolean;
}

/** The decisions of a batch, one for each of its operations that was decided. */
function Batch({ decisions, isComplete }: BatchProps) {
  return (
    <>
      <p>
        The request was a batch. {isComplete ? "These" : "The first"} {decisions.length} of its decisions are
        recorded{isComplete ? "" : ", and more"}:
      </p>
      {decisions.map((decision, i) => (
        <details key={i} class="batch-item" open={i === 0}>
          <summary>
            <Outcome of={decision} /> {titleOf(decision)}, <When iso={decision.at} />
          </summary>
          <DecisionDetails decision={decision} />
        </details>
      ))}
    </>
  );
}
