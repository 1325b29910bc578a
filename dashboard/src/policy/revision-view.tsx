/** One revision: its changes compared with the policy in force or the revision before it, and the rollback to it. */
import { HOUR_MS } from "../shell/durations.ts";
import { useMemo, useState } from "preact/hooks";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { includesRole } from "../shell/session.ts";
import { Time } from "../shell/time.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { ActivationDialog } from "./activation-dialog.tsx";
import { ChangeList, LineDiff } from "./changes-view.tsx";
import { startDraft } from "./draft.ts";
import { formatJson } from "./format-json.ts";
import { parseRevision, type Revision, revisionPath, rollBack } from "./policy-api.ts";

interface Props {
  readonly revision: number;
  readonly active: Revision;
  readonly refresh: () => void;
}

/** A revision never changes. */
const EVERY_MS = HOUR_MS;
const NOT_FOUND = 404;

export function RevisionView({ revision, active, refresh }: Props) {
  const { address, go, role } = usePage();
  const [isRollingBack, setRollingBack] = useState(false);
  const polled = usePolled(revisionPath(revision), parseRevision, EVERY_MS);
  const isActive = revision === active.revision;
  const isBefore = revision > 0 && (isActive || address.params["against"] === "before");
  const before = usePolled(isBefore ? revisionPath(revision - 1) : null, parseRevision, EVERY_MS);
  const shown = polled.value;
  const other = isBefore ? before.value : active;
  const isSame = useMemo(
    () => shown !== null && formatJson(shown.document) === formatJson(active.document),
    [shown, active],
  );
  const edit = () => {
    if (shown === null) return;
    startDraft({ text: formatJson(shown.document), base: active.revision });
    go({ screen: "policy", params: {} });
  };
  return (
    <>
      <p>
        <Link to={{ screen: "policy", params: {} }}>Back to the policy</Link>
      </p>
      <h1>
        Revision {revision}
        {isActive && " (in force)"}
      </h1>
      {polled.status === NOT_FOUND ? (
        <p role="alert">There is no revision {revision}. The history below the policy lists all revisions.</p>
      ) : (
        <PollState polled={polled} />
      )}
      {shown !== null && (
        <>
          <RevisionLine revision={shown} />
          <div class="buttons start">
            <button
              type="button"
              class="primary"
              disabled={isSame || !includesRole(role, "admin")}
              onClick={() => setRollingBack(true)}
            >
              Roll back to this…
            </button>
            <button type="button" onClick={edit}>
              Start a draft from this
            </button>
            <Link to={{ screen: "simulator", params: { revision: String(revision) } }}>
              Try it on recorded traffic
            </Link>
          </div>
          {!isActive && !includesRole(role, "admin") && (
            <p class="quiet">Rolling back needs the role admin; yours is {role}.</p>
          )}
          {revision > 0 && !isActive && (
            <ComparedWith revision={revision} active={active.revision} isBefore={isBefore} />
          )}
          {isBefore && <PollState polled={before} />}
          {other !== null && other !== shown && (isBefore || !isActive) && (
            <Comparison before={other} after={shown} />
          )}
          <details class="whole">
            <summary>The whole document</summary>
            <pre class="scroll card" tabIndex={0}>
              {formatJson(shown.document)}
            </pre>
          </details>
          {isRollingBack && (
            <ActivationDialog
              title={`Roll back to revision ${revision}`}
              verb="Roll back"
              active={active}
              document={shown.document}
              warnings={[]}
              activate={(confirmation) => rollBack(revision, active.revision, confirmation)}
              onActivated={refresh}
              onConflict={refresh}
              onClose={() => setRollingBack(false)}
            />
          )}
        </>
      )}
    </>
  );
}

interface ComparedWithProps {
  readonly revision: number;
  readonly active: number;
  readonly isBefore: boolean;
}

/** Chooses the revision to compare with; the URL keeps the choice. */
function ComparedWith({ revision, active, isBefore }: ComparedWithProps) {
  const { address, go } = usePage();
  return (
    <label class="compared-with">
      Compared with
      <select
        value={isBefore ? "before" : ""}
        onChange={(event) => go(changed(address, { against: event.currentTarget.value }), true)}
      >
        <option value="">revision {active}, in force</option>
        <option value="before">revision {revision - 1}, the one before</option>
      </select>
    </label>
  );
}

/** Who activated a revision, when and why. */
export function RevisionLine({
  revision: { revision, createdAt, actor, reason, restores },
}: {
  readonly revision: Revision;
}) {
  if (revision === 0) return <p>The policy that ships with the Worker.</p>;
  return (
    <p>
      Activated <Time at={createdAt} /> by {actor || "an unknown actor"}
      {restores === null ? "" : `, restoring revision ${restores}`}
      {reason === "" ? "." : `: “${reason}”`}
    </p>
  );
}

function Comparison({ before, after }: { readonly before: Revision; readonly after: Revision }) {
  const [first, second] = useMemo(
    () => [formatJson(before.document), formatJson(after.document)],
    [before, after],
  );
  return (
    <section aria-labelledby="comparison-title">
      <h2 id="comparison-title">
        From revision {before.revision} to revision {after.revision}
      </h2>
      <ChangeList before={before.document} after={after.document} />
      {first !== second && <LineDiff before={first} after={second} label="Changed lines" />}
    </section>
  );
}
