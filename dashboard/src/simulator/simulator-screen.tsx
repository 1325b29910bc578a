/**
 * What a policy would have done with recorded traffic: the draft (or a revision, by the URL) replayed beside the policy in force, through
 * the core that decides. Changes nothing.
 */
import { useMemo, useState } from "preact/hooks";
import { LENGTHS, paramsOf, rangeOf } from "../overview/range.ts";
import { storedDraft } from "../policy/draft.ts";
import { readJson } from "../policy/json-text.ts";
import { parseRevision, POLICY, revisionPath } from "../policy/policy-api.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { Time } from "../shell/time.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { KEPT_MS, timeOf } from "./simulation.ts";
import { SimulationFound } from "./simulation-result.tsx";
import "./simulator.css";
import { type Run, useSimulation } from "./use-simulation.ts";

/** A revision never changes, and the simulation itself says which one is in force. */
const HOURLY_MS = 3_600_000;
const CHOICES = LENGTHS.filter(({ seconds }) => seconds * 1_000 <= KEPT_MS);

export function SimulatorScreen() {
  const { address, go } = usePage();
  const [attempt, setAttempt] = useState(0);
  const named = address.params["revision"];
  const revision = named !== undefined && /^\d{1,15}$/.test(named) ? Number(named) : null;
  const draft = useMemo(() => (revision === null ? storedDraft("draft") : null), [revision]);
  const drafted = useMemo(() => (draft === null ? null : readJson(draft.text)), [draft]);
  // Without a draft the policy in force is replayed, which shows what a replay from empty counters does.
  const path = revision === null ? POLICY : revisionPath(revision);
  const polled = usePolled(drafted === null ? path : null, parseRevision, HOURLY_MS);
  const known = useMemo(() => polled.value?.document, [polled.value?.revision]);
  const document = drafted === null ? known : drafted.ok ? drafted.value : undefined;
  const range = rangeOf(address.params);
  const rangeKey = JSON.stringify(range);
  const run = useSimulation(document, range, rangeKey, attempt);
  const policy = { screen: "policy", params: revision === null ? {} : { revision: String(revision) } };
  return (
    <>
      <h1>Simulator</h1>
      {revision === null && draft === null ? (
        <p>
          You have no draft of a policy, so the one in force is replayed.{" "}
          <Link to={policy}>Edit the policy</Link>, and see here what your draft would change.
        </p>
      ) : (
        <p>
          Replays recorded requests against{" "}
          <strong>{revision === null ? "your draft" : `revision ${revision}`}</strong> and against the policy
          in force, both from empty counters. Nothing is changed.{" "}
          <Link to={policy}>{revision === null ? "Back to the draft" : `To revision ${revision}`}</Link>
        </p>
      )}
      {drafted === null && <PollState polled={polled} />}
      {drafted !== null && !drafted.ok && (
        <p role="alert">
          The draft is not JSON yet, so it cannot be replayed. <Link to={policy}>Mend it</Link>
        </p>
      )}
      <div class="buttons start">
        <label class="inline">
          Requests of
          <select
            value={range.kind === "last" ? range.name : "between"}
            onChange={(event) => {
              const chosen = CHOICES.find(({ name }) => name === event.currentTarget.value);
              if (chosen) go(changed(address, paramsOf(chosen)));
            }}
          >
            {CHOICES.map(({ name, title }) => (
              <option key={name} value={name}>
                the last {title}
              </option>
            ))}
            {range.kind === "last" && !CHOICES.some(({ name }) => name === range.name) && (
              <option value={range.name}>the last {range.title} (24 hours are kept)</option>
            )}
            {range.kind === "between" && <option value="between">the time below</option>}
          </select>
        </label>
        <button
          type="button"
          class="primary"
          disabled={document === undefined || run.kind === "running"}
          onClick={() => setAttempt(attempt + 1)}
        >
          Run again
        </button>
      </div>
      {range.kind === "between" && (
        <p class="quiet">
          <Time at={range.fromMs} /> to <Time at={range.toMs} />
        </p>
      )}
      <Outcome run={run} when={timeOf(range, Date.now())} />
    </>
  );
}

function Outcome({ run, when }: { readonly run: Run; readonly when: { from: string; to: string } }) {
  if (run.kind === "none") return null;
  if (run.kind === "running") {
    return (
      <p role="status" class="running">
        <progress aria-label="Replaying" /> Replaying…{run.seconds > 0 && ` ${run.seconds} s`}
      </p>
    );
  }
  if (run.kind === "failed") {
    return (
      <div role="alert">
        <p>It could not be replayed: {run.detail}</p>
        {run.status === 0 && <p>Choose a shorter time, or run it again.</p>}
      </div>
    );
  }
  const { valid, errors, result } = run.simulation;
  if (!valid || result === null) {
    return (
      <div role="alert">
        <p>
          It is no valid policy: {errors.length === 1 ? "one fault" : `${errors.length} faults`}.{" "}
          <Link to={{ screen: "policy", params: {} }}>See and mend them in the editor</Link>
        </p>
      </div>
    );
  }
  if (result.decisions === 0) {
    return (
      <div class="card">
        <p>
          <strong>Nothing was recorded in this time</strong>, <Time at={when.from} /> to <Time at={when.to} />
          .
        </p>
        <p>
          Choose a longer time; decisions are kept for 24 hours. Or send some requests: beside{" "}
          <code>npm start</code>, <code>npm run demo:traffic</code> does.
        </p>
      </div>
    );
  }
  return <SimulationFound result={result} tookMs={run.tookMs} />;
}
