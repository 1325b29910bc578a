/** The revisions of the policy, newest first, page by page. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { Link, usePage } from "../shell/page.tsx";
import { Badge } from "../kit/badge.tsx";
import { Empty, Failed, Loading } from "../kit/state.tsx";
import { Section } from "../kit/section.tsx";
import { ACTIONS, Table } from "../kit/table.tsx";
import { When } from "../kit/time.tsx";
import type { PolicyUses, RevisionInfo, RevisionPage } from "../shell/answers.ts";
import { type ApiOutcome, call } from "../shell/api-client.ts";
import { includesRole } from "../shell/session.ts";
import { parseRevisionPage, type Revision, REVISIONS } from "./policy-api.ts";
import { RollbackDialog } from "./rollback-dialog.tsx";

interface Props {
  /** The revision in force: a newer one reloads the list. */
  readonly active: Revision;
  readonly uses: PolicyUses | null;
  readonly refresh: () => void;
  readonly onActivated: (revision: Revision) => void;
}

/** Older ones are left to the API. */
const MAX_SHOWN = 1_000;

export function History({ active, uses, refresh, onActivated }: Props) {
  const { signedOut } = usePage();
  const [rollingBackTo, setRollingBackTo] = useState<number | null>(null);
  const [pages, setPages] = useState<RevisionPage | null>(null);
  const [state, setState] = useState<"busy" | "idle" | { readonly fault: string }>("busy");
  const load = useCallback(async (cursor: string | null, isGone: () => boolean): Promise<void> => {
    setState("busy");
    const outcome = await listRevisions(cursor);
    if (isGone()) return;
    if (outcome.kind === "signed-out") return signedOut();
    if (outcome.kind === "failed") return setState({ fault: outcome.detail });
    const { revisions, cursor: next } = outcome.value;
    setPages((known) => ({
      revisions: cursor === null ? revisions : [...(known?.revisions ?? []), ...revisions],
      cursor: next,
    }));
    setState("idle");
  }, []);
  useEffect(() => {
    let isGone = false;
    void load(null, () => isGone);
    return () => {
      isGone = true;
    };
  }, [active.revision]);
  const failure = typeof state === "object" ? state.fault : null;
  const hasMore = (pages?.cursor ?? null) !== null && (pages?.revisions.length ?? 0) < MAX_SHOWN;
  return (
    <Section
      title="History"
      actions={
        <Link to={{ screen: "policy", params: { revision: "0" } }}>
          The policy that ships with the Worker
        </Link>
      }
    >
      {pages?.revisions.length === 0 && (
        <Empty
          title="No policy was activated yet"
          hint="The built-in policy is in force. Activations are listed here, with who, when and why."
        />
      )}
      {pages !== null && pages.revisions.length > 0 && (
        <RevisionTable revisions={pages.revisions} active={active.revision} onRollBack={setRollingBackTo} />
      )}
      {rollingBackTo !== null && (
        <RollbackDialog
          revision={rollingBackTo}
          active={active}
          uses={uses}
          onActivated={onActivated}
          refresh={refresh}
          onClose={() => setRollingBackTo(null)}
        />
      )}
      {failure !== null && (
        <Failed onRetry={() => void load(pages?.cursor ?? null, () => false)} verb="Try again">
          {failure}
        </Failed>
      )}
      {state === "busy" && pages === null && <Loading />}
      {failure === null && hasMore && (
        <button
          type="button"
          disabled={state === "busy"}
          onClick={() => void load(pages?.cursor ?? null, () => false)}
        >
          Show older revisions
        </button>
      )}
    </Section>
  );
}

interface TableProps {
  readonly revisions: readonly RevisionInfo[];
  readonly active: number;
  readonly onRollBack: (revision: number) => void;
}

function RevisionTable({ revisions, active, onRollBack }: TableProps) {
  const { role } = usePage();
  const to = (revision: number) => ({
    screen: "policy",
    params: { revision: String(revision), against: "before" },
  });
  return (
    <Table label="Revisions" kind="revisions" heads={["Revision", "Activated", "By", "Why", ACTIONS]}>
      {revisions.map(({ revision, createdAt, actor, reason, restores }) => (
        <tr key={revision}>
          <th scope="row">
            <Link to={to(revision)}>Revision {revision}</Link>{" "}
            {revision === active && <Badge tone="allowed">in force</Badge>}
          </th>
          <td>
            <When iso={createdAt} />
          </td>
          <td>{actor}</td>
          <td class="reason">
            {restores !== null && <span class="quiet">Restores {restores}. </span>}
            {reason}
          </td>
          <td class="revision-actions">
            <Link to={to(revision)}>What it changed</Link>
            <button
              type="button"
              class="small"
              disabled={revision === active || !includesRole(role, "admin")}
              aria-label={`Roll back to revision ${revision}`}
              onClick={() => onRollBack(revision)}
            >
              Roll back…
            </button>
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** A page of the history, newest first. */
const listRevisions = (cursor: string | null): Promise<ApiOutcome<RevisionPage>> =>
  call(
    "GET",
    `${REVISIONS}?limit=20${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`,
    parseRevisionPage,
  );
