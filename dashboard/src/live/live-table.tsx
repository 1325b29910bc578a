/** The listed decisions, newest first. */
import { useMemo } from "preact/hooks";
import { count, milliseconds, percent } from "../shell/format.ts";
import { SubjectLink } from "../shell/subject-link.tsx";
import { Time } from "../shell/time.tsx";
import type { ListedDecision } from "./live-list.ts";

interface Props {
  readonly rows: readonly ListedDecision[];
  readonly skipped: number;
}

export function LiveTable({ rows, skipped }: Props) {
  // Rendered several times a second: rebuild the rows only if they changed.
  const body = useMemo(() => rows.map((row) => <Row key={row.id} row={row} />), [rows]);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Decisions">
      <table class="live-table">
        <caption>
          The newest {rows.length}
          {skipped > 0 && `; ${count(skipped)} more were not listed`}
        </caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Outcome</th>
            <th scope="col">User or address</th>
            <th scope="col">Route</th>
            <th scope="col">Tier</th>
            <th scope="col">Reason</th>
            <th scope="col">Decided by</th>
            <th scope="col" class="number">
              Left
            </th>
            <th scope="col" class="number">
              Took
            </th>
          </tr>
        </thead>
        <tbody>{body}</tbody>
      </table>
    </div>
  );
}

function Row({ row }: { readonly row: ListedDecision }) {
  return (
    <tr data-outcome={row.outcome}>
      <td>
        <Time at={row.at} short />
      </td>
      <td class="outcome">
        {row.outcome}
        {row.requests > 1 && ` × ${count(row.requests)}`}
      </td>
      <td>
        <SubjectLink account={row.account} />
      </td>
      <td>
        {row.method} {row.route === "" ? <span class="quiet">no route</span> : row.route}
      </td>
      <td>{row.tier}</td>
      <td>{row.reason}</td>
      <td>{row.source}</td>
      <td class="number">{percent(row.remainingFraction, 1)}</td>
      <td class="number">{milliseconds(row.limiterMs)}</td>
    </tr>
  );
}
