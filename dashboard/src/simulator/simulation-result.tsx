/** The result of a simulation: what it comes to, by tier, over time, by user and by route. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { TimeChart } from "../charts/time-chart.tsx";
import { count, milliseconds } from "../shell/format.ts";
import { Time } from "../shell/time.tsx";
import { COLUMNS, type Period, RouteTable, TierTable, UserTable } from "./comparison-table.tsx";
import { deniedChart, deniedSummary } from "./denied-chart.ts";
import { type SimulationResult, summaryOf } from "./simulation.ts";

interface Props {
  readonly result: SimulationResult;
  readonly tookMs: number;
  /** The simulated policy, such as "your draft". */
  readonly policy: string;
}

export function SimulationReport({ result, tookMs, policy }: Props) {
  const { tiers, routes, series, newlyDenied, newlyAllowed, changedAccounts } = result;
  const period = periodOf(result);
  const chart = useMemo(() => deniedChart(series, policy), [series, policy]);
  return (
    <>
      <p class={newlyDenied.length > 0 ? "finding hurts" : "finding"}>{summaryOf(result)}</p>
      <Scope result={result} tookMs={tookMs} />
      <section aria-label="By tier">
        <h2>By tier</h2>
        <TierTable rows={tiers} period={period} />
      </section>
      <TimeChart title="Denied requests" summary={deniedSummary(series, policy)} model={chart} height={180} />
      <Users title="Newly denied" none="No request that is allowed now would be denied.">
        {newlyDenied.length > 0 && (
          <>
            <MostOf shown={newlyDenied.length} all={changedAccounts.denied} />
            <UserTable rows={newlyDenied} period={period} side="newlyDenied" label="Newly denied users" />
          </>
        )}
      </Users>
      <Users title="Newly allowed" none="No request that is denied now would be allowed.">
        {newlyAllowed.length > 0 && (
          <>
            <MostOf shown={newlyAllowed.length} all={changedAccounts.allowed} />
            <UserTable rows={newlyAllowed} period={period} side="newlyAllowed" label="Newly allowed users" />
          </>
        )}
      </Users>
      <section aria-label="By route">
        <h2>By route</h2>
        <RouteTable rows={routes} period={period} />
      </section>
      <Notes result={result} />
    </>
  );
}

/** What was replayed. */
function Scope({ result, tookMs }: Omit<Props, "policy">) {
  const { decisions, sampled, truncated, firstAt, lastAt, revision } = result;
  return (
    <>
      <p class="quiet">
        {sampled ? "Estimates from a sample of about " : "Replayed "}
        {count(decisions)} {decisions === 1 ? "request" : "requests"}
        {firstAt !== null && lastAt !== null && (
          <>
            , <Time at={firstAt} /> to <Time at={lastAt} />,
          </>
        )}{" "}
        against revision {revision} (in force) and this policy, in {milliseconds(tookMs)}.
      </p>
      {truncated && (
        <p>
          The period has more requests than one simulation replays. Only the newest are included
          {firstAt === null ? "" : ", from the time above on"}. Choose a shorter period to include all.
        </p>
      )}
    </>
  );
}

interface UsersProps {
  readonly title: string;
  readonly none: string;
  readonly children: ComponentChildren;
}

function Users({ title, none, children }: UsersProps) {
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      {children === false ? <p>{none}</p> : children}
    </section>
  );
}

function MostOf({ shown, all }: { readonly shown: number; readonly all: number }) {
  if (all <= shown) return null;
  return (
    <p class="quiet">
      The {shown} users with the most of these requests, of {count(all)}.
    </p>
  );
}

/** How to read the figures. */
function Notes({ result: { totals } }: Pick<Props, "result">) {
  const { recorded, before } = totals;
  return (
    <details class="notes">
      <summary>What the columns say, and how far to trust them</summary>
      <ul>
        {Object.values(COLUMNS).map((text) => (
          <li key={text}>{text}</li>
        ))}
        <li>
          Both policies start with full limits. The record has neither overrides nor grants, so their users
          may be denied less than shown.
        </li>
        {recorded.denied !== before.denied && (
          <li>
            {count(recorded.denied)} of these requests were denied when they were made, and{" "}
            {count(before.denied)} in the replay of the policy in force: their limits were not full then, some
            users have overrides, and another policy may have been in force.
          </li>
        )}
      </ul>
    </details>
  );
}

/** The replayed period, for the decision log: its end is exclusive there. */
function periodOf({ from, to, firstAt, truncated }: SimulationResult): Period {
  return { from: truncated && firstAt !== null ? firstAt : from, to };
}
