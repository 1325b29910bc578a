/** Lines of the decision log. The time of a line is the button that opens it. */
import "./decisions.css";
import type { LoggedDecision } from "../shell/answers.ts";
import { count, exact, milliseconds } from "../shell/format.ts";
import { SubjectLink } from "../shell/subject-link.tsx";
import { Time } from "../shell/time.tsx";
import { countOf } from "./decision-text.ts";

interface Props {
  readonly decisions: readonly LoggedDecision[];
  readonly onOpen: (decision: LoggedDecision) => void;
  /** Whether all lines have the same subject, which is left out then. */
  readonly isOneSubject?: boolean;
}

export function DecisionTable({ decisions, onOpen, isOneSubject = false }: Props) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Decisions">
      <table class="decisions">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Outcome</th>
            <th scope="col">Reason</th>
            {!isOneSubject && <th scope="col">Who</th>}
            <th scope="col">Route</th>
            <th scope="col">Decided by</th>
            <th scope="col" class="number">
              Requests
            </th>
            <th scope="col" class="number">
              Cost
            </th>
            <th scope="col" class="number">
              Took
            </th>
          </tr>
        </thead>
        <tbody>
          {keyed(decisions).map(([key, decision]) => (
            <tr key={key} data-outcome={decision.outcome}>
              <th scope="row">
                <button type="button" class="open" aria-haspopup="dialog" onClick={() => onOpen(decision)}>
                  <Time at={decision.at} short={isToday(decision.at)} />
                </button>
              </th>
              <td class="outcome">{decision.outcome}</td>
              <td>{decision.reason}</td>
              {!isOneSubject && (
                <td>
                  <SubjectLink account={decision.account} />
                </td>
              )}
              <td>
                <code>{decision.route === "" ? "–" : decision.route}</code>
              </td>
              <td>{decision.source}</td>
              <td class="number">{count(countOf(decision))}</td>
              <td class="number">{exact(decision.cost)}</td>
              <td class="number">{milliseconds(decision.limiterMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
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
