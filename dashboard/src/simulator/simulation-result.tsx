/** The result of a simulation: the totals of both policies, and the users whose requests would be decided differently. */
import { count, milliseconds, percent } from "../shell/format.ts";
import { SubjectLink } from "../shell/subject-link.tsx";
import { Time } from "../shell/time.tsx";
import {
  type ChangedRequests,
  type SimulationResult,
  type SimulationTotals,
  summaryOf,
} from "./simulation.ts";

interface Props {
  readonly result: SimulationResult;
  readonly tookMs: number;
}

const ROWS: readonly { readonly name: string; readonly of: (totals: SimulationTotals) => number }[] = [
  { name: "Allowed", of: ({ allowed }) => allowed },
  { name: "Denied", of: ({ denied }) => denied },
];

export function SimulationReport({ result, tookMs }: Props) {
  const { decisions, totals, revision, sampled, truncated, firstAt, lastAt } = result;
  const { recorded, before, after } = totals;
  return (
    <>
      <p class="finding">{summaryOf(result)}</p>
      <div class="scroll" role="region" aria-label="Totals" tabIndex={0}>
        <table>
          <caption>
            {sampled ? "Estimates from a sample of about " : ""}
            {count(decisions)} {decisions === 1 ? "request" : "requests"}
            {firstAt !== null && lastAt !== null && (
              <>
                , <Time at={firstAt} /> to <Time at={lastAt} />
              </>
            )}
            : as recorded, and as revision {revision} (in force) and this policy would decide them with empty
            counters. Took {milliseconds(tookMs)}.
          </caption>
          <thead>
            <tr>
              <th scope="col">Requests</th>
              <th scope="col" class="number">
                Recorded
              </th>
              <th scope="col" class="number">
                Revision {revision}
              </th>
              <th scope="col" class="number">
                This policy
              </th>
              <th scope="col" class="number">
                Change
              </th>
            </tr>
          </thead>
          <tbody>
            {ROWS.map(({ name, of }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="number">{count(of(recorded))}</td>
                <td class="number">{count(of(before))}</td>
                <td class="number">{count(of(after))}</td>
                <td class="number">{signed(of(after) - of(before))}</td>
              </tr>
            ))}
            <tr>
              <th scope="row">Share denied</th>
              <td class="number">{percent(recorded.denied, recorded.allowed + recorded.denied)}</td>
              <td class="number">{percent(before.denied, before.allowed + before.denied)}</td>
              <td class="number">{percent(after.denied, after.allowed + after.denied)}</td>
              <td />
            </tr>
          </tbody>
        </table>
      </div>
      {recorded.denied !== before.denied && (
        <p class="quiet">
          The recorded decisions differ from the replay of the policy in force, because their counters were
          not empty, some users have overrides, and another policy may have been in force.
        </p>
      )}
      {truncated && (
        <p>
          The period has more requests than one simulation replays. Only the newest are included
          {firstAt === null ? "" : ", from the time above on"}. Choose a shorter period to include all.
        </p>
      )}
      <ChangedUsers
        title="Newly denied"
        none="No request that is allowed now would be denied."
        rows={result.newlyDenied}
        accounts={result.changedAccounts.denied}
      />
      <ChangedUsers
        title="Newly allowed"
        none="No request that is denied now would be allowed."
        rows={result.newlyAllowed}
        accounts={result.changedAccounts.allowed}
      />
    </>
  );
}

interface ChangedProps {
  readonly title: string;
  readonly none: string;
  readonly rows: readonly ChangedRequests[];
  readonly accounts: number;
}

function ChangedUsers({ title, none, rows, accounts }: ChangedProps) {
  const shown = new Set(rows.map(({ account }) => account)).size;
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      {rows.length === 0 ? (
        <p>{none}</p>
      ) : (
        <div class="scroll affected">
          <table>
            <caption>
              {accounts > shown
                ? `The ${shown} users with the most of these requests, of ${count(accounts)}`
                : `${count(accounts)} ${accounts === 1 ? "user" : "users"}`}
            </caption>
            <thead>
              <tr>
                <th scope="col">User</th>
                <th scope="col">Route</th>
                <th scope="col">Tier</th>
                <th scope="col" class="number">
                  Requests
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ account, route, tier, requests }) => (
                <tr key={`${account} ${route} ${tier}`}>
                  <td>
                    <SubjectLink account={account} />
                  </td>
                  <td>{route || "no route"}</td>
                  <td>{tier}</td>
                  <td class="number">{count(requests)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

/** A difference with its sign; 0 has none. */
function signed(value: number): string {
  if (value === 0) return "0";
  return `${value > 0 ? "+" : "−"}${count(Math.abs(value))}`;
}
