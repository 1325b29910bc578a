/** The revisions of the policy, newest first, page by page. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { Link, usePage } from "../shell/page.tsx";
import { Time } from "../shell/time.tsx";
import type { RevisionPage } from "../shell/answers.ts";
import { listRevisions } from "./policy-api.ts";

interface Props {
  /** The revision in force: a newer one reloads the list. */
  readonly active: number;
}

/** Older ones are left to the API. */
const MAX_SHOWN = 1_000;

export function History({ active }: Props) {
  const { signedOut } = usePage();
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
  }, [active]);
  return (
    <section aria-labelledby="history-title">
      <h2 id="history-title">History</h2>
      {pages?.revisions.length === 0 && (
        <p>No policy was activated yet: the one that ships with the Worker is in force.</p>
      )}
      {pages !== null && pages.revisions.length > 0 && (
        <div class="scroll revisions">
          <table>
            <thead>
              <tr>
                <th scope="col">Revision</th>
                <th scope="col">Activated</th>
                <th scope="col">By</th>
                <th scope="col">Why</th>
              </tr>
            </thead>
            <tbody>
              {pages.revisions.map((info) => (
                <tr key={info.revision}>
                  <th scope="row">
                    <Link to={{ screen: "policy", params: { revision: String(info.revision) } }}>
                      Revision {info.revision}
                    </Link>
                    {info.revision === active && " (in force)"}
                  </th>
                  <td>
                    <Time at={info.createdAt} />
                  </td>
                  <td>{info.actor}</td>
                  <td>
                    {info.restores !== null && <span class="quiet">Restores {info.restores}. </span>}
                    {info.reason}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {typeof state === "object" && <p role="alert">{state.fault}</p>}
      {state === "busy" && pages === null && <p role="status">Loading…</p>}
      {((pages?.cursor ?? null) !== null || typeof state === "object") &&
        (pages?.revisions.length ?? 0) < MAX_SHOWN && (
          <button
            type="button"
            disabled={state === "busy"}
            onClick={() => void load(pages?.cursor ?? null, () => false)}
          >
            {typeof state === "object" ? "Try again" : "Show older revisions"}
          </button>
        )}
      <p>
        <Link to={{ screen: "policy", params: { revision: "0" } }}>
          The policy that ships with the Worker
        </Link>
      </p>
    </section>
  );
}
