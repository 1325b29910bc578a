/** One revision: its changes compared with the policy in force or the revision before it, and the rollback to it. */
import { HOUR_MS } from "../shell/durations.ts";
import { useMemo, useState } from "preact/hooks";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { includesRole } from "../shell/session.ts";
import { Choice } from "../kit/choice.tsx";
import { Badge } from "../kit/badge.tsx";
import { When } from "../kit/time.tsx";
import { usePolled } from "../shell/use-polled.ts";
import type { PolicyUses } from "../shell/answers.ts";
import { Comparison } from "./comparison.tsx";
import { startDraft } from "./draft.ts";
import { formatJson } from "./format-json.ts";
import { parseRevision, type Revision, revisionPath } from "./policy-api.ts";
import { RollbackDialog } from "./rollback-dialog.tsx";

interface Props {
  readonly revision: number;
  readonly active: Revision;
  readonly uses: PolicyUses | null;
  readonly refresh: () => void;
  readonly onActivated: (revision: Revision) => void;
}

/** A revision never changes. */
const EVERY_MS = HOUR_MS;
const NOT_FOUND = 404;

export function RevisionView({ revision, active, uses, refresh, onActivated }: Props) {
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
        {isActive && (
          <>
            {" "}
            <Badge tone="allowed">in force</Badge>
          </>
        )}
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
            <Comparison before={other} after={shown} uses={uses} />
          )}
          <details class="whole">
            <summary>The whole document</summary>
            <pre class="scroll card" tabIndex={0}>
              {formatJson(shown.document)}
            </pre>
          </details>
          {isRollingBack && (
            <RollbackDialog
              revision={revision}
              active={active}
              uses={uses}
              onActivated={onActivated}
              refresh={refresh}
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
    <div class="compared-with">
      <Choice
        label="Compared with"
        options={[
          ["", `revision ${active}, in force`],
          ["before", `revision ${revision - 1}, the one before`],
        ]}
        value={isBefore ? "before" : ""}
        onPick={(against) => go(changed(address, { against }), true)}
      />
    </div>
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
      Activated <When iso={createdAt} /> by {actor || "an unknown actor"}
      {restores === null ? "" : `, restoring revision ${restores}`}
      {reason === "" ? "." : `: “${reason}”`}
    </p>
  );
}
