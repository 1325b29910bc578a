/** The result of a simulation: what it comes to, by tier, over time, by user and by route. */
import { useMemo } from "preact/hooks";
import { Section } from "../kit/section.tsx";
import { TimeChart } from "../charts/time-chart.tsx";
import { count, counted, milliseconds, range } from "../shell/format.ts";
import { decisionsIn } from "../shell/decision-log.ts";
import { usePage } from "../shell/page.tsx";
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
  const { go } = usePage();
  const period = periodOf(result);
  const chart = useMemo(() => deniedChart(series, policy), [series, policy]);
  return (
    <>
      <p class="finding" data-tone={newlyDenied.length > 0 ? "denied" : "allowed"}>
        {summaryOf(result)}
      </p>
      <Scope result={result} tookMs={tookMs} />
      <Overage of={result.totals} />
      <Section title="By tier">
        <TierTable rows={tiers} period={period} />
      </Section>
      <Section title="Over time">
        <TimeChart
          title="Denied requests"
          summary={deniedSummary(series, policy)}
          model={chart}
          height={180}
          onOpen={(fromMs, toMs) => go(decisionsIn({ kind: "between", fromMs, toMs }, {}))}
          opens="its decisions"
        />
      </Section>
      <Section title="Newly denied" detail={usersText(newlyDenied.length, changedAccounts.denied)}>
        {newlyDenied.length === 0 ? (
          <p>No request that is allowed now would be denied.</p>
        ) : (
          <UserTable rows={newlyDenied} period={period} side="newlyDenied" label="Newly denied users" />
        )}
      </Section>
      <Section title="Newly allowed" detail={usersText(newlyAllowed.length, changedAccounts.allowed)}>
        {newlyAllowed.length === 0 ? (
          <p>No request that is denied now would be allowed.</p>
        ) : (
          <UserTable rows={newlyAllowed} period={period} side="newlyAllowed" label="Newly allowed users" />
        )}
      </Section>
      <Section title="By route">
        <RouteTable rows={routes} period={period} />
      </Section>
      <Notes result={result} />
    </>
  );
}

/** Requests that are allowed beyond what a tier includes, and billed. */
function Overage({ of: { before, after } }: { readonly of: SimulationResult["totals"] }) {
  if (before.overage + after.overage === 0) return null;
  return (
    <p>
      {count(after.overage)} allowed requests would be overage; by the policy in force,{" "}
      {count(before.overage)}.
    </p>
  );
}

/** What was replayed. */
function Scope({ result, tookMs }: Omit<Props, "policy">) {
  const { decisions, sampled, truncated, firstAt, lastAt, revision } = result;
  return (
    <>
      <p class="quiet">
        {sampled ? "Estimates from a sample of about " : "Replayed "}
        {counted(decisions, "request")}
        {firstAt !== null && lastAt !== null && <>, {range(firstAt, lastAt)},</>} against revision {revision}{" "}
        (in force) and this policy, in {milliseconds(tookMs)}.
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

function usersText(shown: number, all: number): string {
  if (all > shown) return `the ${shown} users with the most of these requests, of ${count(all)}`;
  return counted(all, "user");
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
