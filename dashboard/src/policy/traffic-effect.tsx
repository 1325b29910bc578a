/** What a policy would have done with the requests of the last hour: in a sentence, and the users that it would have denied most. */
import { Link } from "../shell/page.tsx";
import { decisionsIn } from "../shell/decision-log.ts";
import { SubjectLink } from "../shell/subject-link.tsx";
import { count } from "../shell/format.ts";
import { LENGTHS } from "../shell/time-range.ts";
import { type SimulationResult, summaryOf } from "../simulator/simulation.ts";
import { type SimulationState, useSimulation } from "../simulator/use-simulation.ts";

interface Props {
  /** Pass the same object as long as it is the same document. */
  readonly document: unknown;
  /** The URL parameters of the simulator for this document. */
  readonly simulator: Readonly<Record<string, string>>;
}

const HOUR = LENGTHS[1];
const DAY = LENGTHS[3];
const MAX_USERS = 5;

export function TrafficEffect({ document, simulator }: Props) {
  const state = useSimulation(document, HOUR, HOUR.name, 0);
  return (
    <section class="traffic-effect" aria-label="Effect on the last hour's requests">
      <h3>Effect on the last hour's requests</h3>
      <div aria-live="polite">
        <Outcome state={state} />
      </div>
      <p>
        {hasNone(state) ? (
          <Link to={{ screen: "simulator", params: { ...simulator, range: DAY.name } }}>
            Try it on the last 24 hours
          </Link>
        ) : (
          <Link to={{ screen: "simulator", params: { ...simulator, range: HOUR.name } }}>
            Show by tier, user and route
          </Link>
        )}
      </p>
    </section>
  );
}

function hasNone(state: SimulationState): boolean {
  return state.kind === "done" && state.simulation.result?.decisions === 0;
}

function Outcome({ state }: { readonly state: SimulationState }) {
  if (state.kind === "none") return null;
  if (state.kind === "running") return <p class="quiet">Replaying…</p>;
  if (state.kind === "failed") return <p>Unknown: the simulation failed. {state.detail}</p>;
  const { result } = state.simulation;
  if (result === null) return <p>Unknown: the policy is not valid.</p>;
  if (result.decisions === 0) return <p>No requests were recorded, so its effect is unknown.</p>;
  return (
    <>
      <p>{summaryOf(result)}</p>
      <HurtUsers result={result} />
    </>
  );
}

function HurtUsers({ result: { newlyDenied, changedAccounts } }: { readonly result: SimulationResult }) {
  if (newlyDenied.length === 0) return null;
  const shown = newlyDenied.slice(0, MAX_USERS);
  return (
    <ul class="hurt" aria-label="Newly denied">
      {shown.map(({ account, tier, newlyDenied: denied, requests }) => (
        <li key={`${account} ${tier}`}>
          <SubjectLink account={account} /> <span class="quiet">({tier})</span>:{" "}
          <Link to={decisionsIn(HOUR, { account, tier })}>
            {count(denied)} of {count(requests)} requests
          </Link>
        </li>
      ))}
      {changedAccounts.denied > shown.length && (
        <li class="quiet">and {count(changedAccounts.denied - shown.length)} more users</li>
      )}
    </ul>
  );
}
