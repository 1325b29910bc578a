/** The listed decisions, newest first. Each opens its "why". */
import { useMemo } from "preact/hooks";
import { SOURCE_NAMES } from "../decisions/decision-guards.ts";
import { Table } from "../kit/table.tsx";
import { When } from "../kit/time.tsx";
import { count, milliseconds, percent } from "../shell/format.ts";
import { SubjectLink } from "../shell/subject-link.tsx";
import type { ListedDecision } from "./live-list.ts";
import { Outcome } from "../decisions/outcome.tsx";

interface Props {
  readonly rows: readonly ListedDecision[];
  readonly skipped: number;
  /** Must be the same function on every render. */
  readonly onOpen: (row: ListedDecision) => void;
}

export function LiveTable({ rows, skipped, onOpen }: Props) {
  // Rendered several times a second: rebuild the rows only if they changed.
  const body = useMemo(() => rows.map((row) => <Row key={row.id} row={row} onOpen={onOpen} />), [rows]);
  return (
    <Table
      label="Decisions"
      kind="live-table"
      caption={`The newest ${rows.length}${skipped > 0 ? `; ${count(skipped)} more were not listed` : ""}`}
      heads={[
        "Time",
        "Outcome",
        ["User or address", "name"],
        "Route",
        "Tier",
        "Reason",
        "Decided by",
        ["Left", "num"],
        ["Took", "num"],
      ]}
    >
      {body}
    </Table>
  );
}

function Row({ row, onOpen }: { readonly row: ListedDecision; readonly onOpen: Props["onOpen"] }) {
  return (
    <tr>
      <td>
        <button type="button" class="plain" aria-haspopup="dialog" onClick={() => onOpen(row)}>
          <When iso={row.at} isShort />
          <span class="unseen">: why</span>
        </button>
      </td>
      <td>
        <Outcome of={row} />
        {row.requests > 1 && ` × ${count(row.requests)}`}
      </td>
      <td class="name">
        <SubjectLink account={row.account} />
      </td>
      <td>
        {row.method} {row.route === "" ? <span class="quiet">no route</span> : row.route}
      </td>
      <td>{row.tier}</td>
      <td>{row.reason}</td>
      <td>{SOURCE_NAMES[row.source]}</td>
      <td class="num">{percent(row.remainingFraction, 1)}</td>
      <td class="num">{milliseconds(row.limiterMs)}</td>
    </tr>
  );
}
