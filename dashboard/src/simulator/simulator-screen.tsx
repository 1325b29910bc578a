/**
 * Shows what a policy would have done with recorded traffic: replays the draft, or the revision in the URL, next to the policy in
 * force, with the same core that decides live. Changes nothing.
 */
import { HOUR_MS } from "../shell/durations.ts";
import { useMemo, useState } from "preact/hooks";
import { storedDraft } from "../policy/draft.ts";
import { parseRevision, POLICY, revisionPath } from "../policy/policy-api.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { Choice } from "../kit/choice.tsx";
import { Empty, Failed } from "../kit/state.tsx";
import { range as rangeText } from "../shell/format.ts";
import { LENGTHS, paramsOf, rangeOf, type TimeRange } from "../shell/time-range.ts";
import { usePolled } from "../shell/use-polled.ts";
import { KEPT_MS, periodOf } from "./simulation.ts";
import { SimulationReport } from "./simulation-result.tsx";
import "./simulator.css";
import { type SimulationState, useSimulation } from "./use-simulation.ts";

/** A revision never changes, and the simulation's answer names the one in force. */
const EVERY_MS = HOUR_MS;
const CHOICES = LENGTHS.filter(({ seconds }) => seconds * 1_000 <= KEPT_MS);

export function SimulatorScreen() {
  const { address } = usePage();
  const [attempt, setAttempt] = useState(0);
  const named = address.params["revision"];
  const revision = named !== undefined && /^\d{1,15}$/.test(named) ? Number(named) : null;
  const draft = useMemo(() => (revision === null ? storedDraft("draft") : null), [revision]);
  const json = useMemo(() => (draft === null ? null : parseDraft(draft.text)), [draft]);
  // Without a draft, replay the policy in force: that shows the effect of empty counters alone.
  const path = revision === null ? POLICY : revisionPath(revision);
  const polled = usePolled(json === null ? path : null, parseRevision, EVERY_MS);
  const known = useMemo(() => polled.value?.document, [polled.value?.revision]);
  const document = json === null ? known : json.ok ? json.value : undefined;
  const range = rangeOf(address.params);
  const rangeKey = JSON.stringify(range);
  const simulation = useSimulation(document, range, rangeKey, attempt);
  const policy = { screen: "policy", params: revision === null ? {} : { revision: String(revision) } };
  return (
    <>
      <h1>Simulator</h1>
      {revision === null && draft === null ? (
        <p>
          You have no policy draft, so the policy in force is replayed.{" "}
          <Link to={policy}>Edit the policy</Link> to see here what your draft would change.
        </p>
      ) : (
        <p>
          Replays recorded requests against{" "}
          <strong>{revision === null ? "your draft" : `revision ${revision}`}</strong> and against the policy
          in force, both with empty counters. Changes nothing.{" "}
          <Link to={policy}>{revision === null ? "Back to the draft" : `Back to revision ${revision}`}</Link>
        </p>
      )}
      {json === null && <PollState polled={polled} />}
      {json !== null && !json.ok && (
        <p role="alert">
          The draft is not valid JSON, so it cannot be replayed. <Link to={policy}>Fix it</Link>
        </p>
      )}
      <div class="simulator-bar">
        <PeriodChoice range={range} />
        <button
          type="button"
          class="primary"
          disabled={document === undefined || simulation.kind === "running"}
          onClick={() => setAttempt(attempt + 1)}
        >
          Run again
        </button>
      </div>
      {range.kind === "between" && <p class="quiet">{rangeText(range.fromMs, range.toMs)}</p>}
      <SimulationOutcome
        state={simulation}
        period={periodOf(range, Date.now())}
        policy={
          revision === null ? (draft === null ? "the same policy" : "your draft") : `revision ${revision}`
        }
      />
    </>
  );
}

/** The policy screen explains faults and finds more of them: here, a draft can be replayed or not. */
function parseDraft(text: string): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false };
  }
}

function PeriodChoice({ range }: { readonly range: TimeRange }) {
  const { address, go } = usePage();
  return (
    <Choice
      label="Requests of"
      options={[
        ...CHOICES.map(({ name, title }) => [name, `the last ${title}`] as const),
        ...(range.kind === "between"
          ? [["between", "the period below"] as const]
          : CHOICES.some(({ name }) => name === range.name)
            ? []
            : [[range.name, `the last ${range.title} (24 hours are recorded)`] as const]),
      ]}
      value={range.kind === "last" ? range.name : "between"}
      onPick={(picked) => {
        const chosen = CHOICES.find(({ name }) => name === picked);
        if (chosen) go(changed(address, paramsOf(chosen)));
      }}
    />
  );
}

interface SimulationOutcomeProps {
  readonly state: SimulationState;
  readonly period: { readonly from: string; readonly to: string };
  /** The simulated policy. */
  readonly policy: string;
}

function SimulationOutcome({ state, period, policy }: SimulationOutcomeProps) {
  if (state.kind === "none") return null;
  if (state.kind === "running") {
    return (
      <p role="status" class="running">
        <progress aria-label="Replaying" /> Replaying…{state.seconds > 0 && ` ${state.seconds} s`}
      </p>
    );
  }
  if (state.kind === "failed") {
    return (
      <Failed>
        The simulation failed: {state.detail}
        {state.status === 0 && " Choose a shorter period, or run it again."}
      </Failed>
    );
  }
  const { valid, errors, result } = state.simulation;
  if (!valid || result === null) {
    return (
      <Failed>
        The policy is not valid: {errors.length === 1 ? "one fault" : `${errors.length} faults`}.{" "}
        <Link to={{ screen: "policy", params: {} }}>Fix them in the editor</Link>
      </Failed>
    );
  }
  if (result.decisions === 0) {
    return (
      <Empty
        title={`Nothing was recorded in this period, ${rangeText(period.from, period.to)}`}
        hint={
          <>
            Choose a longer period (decisions are recorded for 24 hours), or send some requests: next to{" "}
            <code>npm start</code>, run <code>npm run demo:traffic</code>.
          </>
        }
      />
    );
  }
  return <SimulationReport result={result} tookMs={state.tookMs} policy={policy} />;
}
