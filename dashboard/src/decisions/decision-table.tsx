/** Lines of the decision log. The time of a line leads to the decision's page. */
import "./decisions.css";
import { Table } from "../kit/table.tsx";
import { When } from "../kit/time.tsx";
import type { LoggedDecision } from "../shell/answers.ts";
import { count, milliseconds } from "../shell/format.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { SubjectLink } from "../shell/subject-link.tsx";
import { countOf, upstreamText } from "./decision-text.ts";
import { decisionAddress } from "./log-query.ts";
import { Outcome, toneOf } from "./outcome.tsx";

interface Props {
  readonly decisions: readonly LoggedDecision[];
  /** Whether all lines have the same subject, which is left out then. */
  readonly isOneSubject?: boolean;
}

export function DecisionTable({ decisions, isOneSubject = false }: Props) {
  return (
    <Table
      label="Decisions"
      kind="decisions"
      heads={[
        "Time",
        ...(isOneSubject ? [] : ["User"]),
        ["Route", "name"],
        "Method",
        "Upstream",
        "Outcome",
        "Reason",
        ["Took", "num"],
      ]}
    >
      {keyed(decisions).map(([key, decision]) => (
        <Row key={key} decision={decision} isOneSubject={isOneSubject} />
      ))}
    </Table>
  );
}

function Row({
  decision,
  isOneSubject,
}: {
  readonly decision: LoggedDecision;
  readonly isOneSubject: boolean;
}) {
  const { at, account, route, method, reason, limiterMs, source } = decision;
  const tone = toneOf(decision);
  const requests = countOf(decision);
  return (
    <tr data-tone={tone === "allowed" ? undefined : tone}>
      <th scope="row" class="when">
        <Link to={decisionAddress(decision)}>
          <When iso={at} isShort={isToday(at)} />
        </Link>
      </th>
      {!isOneSubject && (
        <td class="who">
          <SubjectLink account={account} />
        </td>
      )}
      <td class="name">{route === "" ? <span class="quiet">no route</span> : <code>{route}</code>}</td>
      <td>{method}</td>
      <td data-tone={decision.upstreamStatus === "5xx" ? "error" : "neutral"} class="upstream">
        {upstreamText(decision)}
      </td>
      <td>
        <Outcome of={decision} />
        {requests > 1 && <span class="caption"> × {count(requests)}</span>}
      </td>
      <td>
        <Reason reason={reason} />
      </td>
      <td class="num">{source === "none" ? "–" : milliseconds(limiterMs)}</td>
    </tr>
  );
}

/** A reason, which filters the log by itself. */
function Reason({ reason }: { readonly reason: string }) {
  const { address } = usePage();
  if (address.screen !== "decisions") return <>{reason}</>;
  return <Link to={changed(address, { reason, cursor: "" })}>{reason}</Link>;
}

function isToday(at: string): boolean {
  return new Date(at).toDateString() === new Date().toDateString();
}

/** Keys for the lines, which have no id: several lines can belong to one request. */
function keyed(decisions: readonly LoggedDecision[]): [string, LoggedDecision][] {
  const seen = new Map<string, number>();
  return decisions.map((decision) => {
    const name = `${decision.at} ${decision.requestId}`;
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    return [`${name} ${before}`, decision];
  });
}
