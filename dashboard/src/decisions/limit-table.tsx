/** What a decision left of each limit, and what was there before. */
import { Badge } from "../kit/badge.tsx";
import { Table } from "../kit/table.tsx";
import type { Tone } from "../kit/tone.ts";
import type { LoggedDecision } from "../shell/answers.ts";
import { precise } from "./decision-text.ts";
import type { LimitLevel } from "./limit-levels.ts";

interface Props {
  readonly decision: LoggedDecision;
  readonly levels: readonly LimitLevel[];
}

export function LimitTable({ decision, levels }: Props) {
  return (
    <Table
      label="Limits before and after"
      heads={["Limit", ["Before", "num"], ["After", "num"], ["Of", "num"], ["Left", "name limit-bar"]]}
    >
      {levels.map((level) => (
        <tr key={level.name}>
          <th scope="row" class="limit-name">
            {level.name}{" "}
            {decision.outcome === "denied" && decision.reason === level.name && (
              <Badge tone="denied">denied it</Badge>
            )}
          </th>
          <td class="num">{precise(level.before)}</td>
          <td class="num">{precise(level.after)}</td>
          <td class="num">
            {precise(level.limit)} {level.unit}
          </td>
          <td class="name limit-bar">
            <Level {...level} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** With this share left, a limit is low. */
const LOW = 0.1;

/** The share that is left, as a bar: what was charged is its lighter part. */
function Level({ limit, before, after }: LimitLevel) {
  const share = (amount: number) => (limit > 0 ? Math.min(1, Math.max(0, amount / limit)) : 0);
  const tone: Tone = share(after) <= LOW ? "denied" : "allowed";
  return (
    <svg class="level" data-tone={tone} viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="level-limit" width="100" height="8" />
      <rect class="level-before" width={100 * share(before)} height="8" />
      <rect class="level-after" width={100 * share(after)} height="8" />
    </svg>
  );
}
