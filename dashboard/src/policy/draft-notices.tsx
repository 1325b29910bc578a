/** Notices about the draft: another policy was activated meanwhile, the draft is not stored, or one was discarded. */
import { Link } from "../shell/page.tsx";
import type { Draft } from "./draft.ts";
import type { Revision } from "./policy-api.ts";
import type { DraftState } from "./use-draft.ts";

interface Props {
  readonly state: DraftState;
  readonly active: Revision;
  /** Whether another policy was activated since the draft was started. */
  readonly hasConflict: boolean;
}

export function DraftNotices({ state, active, hasConflict }: Props) {
  const { draft, discarded, isStored, change, replace, deleteDiscarded } = state;
  return (
    <>
      {draft !== null && hasConflict && (
        <Conflict
          draft={draft}
          active={active}
          onKeep={() => change({ ...draft, base: active.revision })}
          onDiscard={() => replace(null)}
        />
      )}
      {!isStored && (
        <p role="alert">
          The browser cannot store the draft. It will be lost when you leave or reload the page.
        </p>
      )}
      {discarded !== null && (
        <p class="discarded">
          You discarded a draft based on revision {discarded.base}.{" "}
          <button type="button" onClick={() => replace(discarded)}>
            Restore it
          </button>{" "}
          <button type="button" onClick={deleteDiscarded}>
            Delete it
          </button>
        </p>
      )}
    </>
  );
}

interface ConflictProps {
  readonly draft: Draft;
  readonly active: Revision;
  readonly onKeep: () => void;
  readonly onDiscard: () => void;
}

function Conflict({ draft, active, onKeep, onDiscard }: ConflictProps) {
  return (
    <div role="alert" class="card conflict">
      <p>
        {active.actor || "Someone"} activated revision {active.revision} after you started this draft from
        revision {draft.base}
        {active.reason === "" ? "." : `: “${active.reason}”.`} Your draft is kept.{" "}
        <Link to={{ screen: "policy", params: { revision: String(active.revision), against: "before" } }}>
          See what they changed
        </Link>
      </p>
      <div class="buttons start">
        <button type="button" onClick={onKeep}>
          Continue with my draft
        </button>
        <button type="button" onClick={onDiscard}>
          Use their policy, discard my draft
        </button>
      </div>
      <p>
        If you continue, activating your draft reverts their changes unless it includes them. The changes
        below show all of them.
      </p>
    </div>
  );
}
