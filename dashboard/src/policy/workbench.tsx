/** The workbench for the next policy: the editor with the draft, its validation, its changes, and the activation. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { Link, usePage } from "../shell/page.tsx";
import { includesRole } from "../shell/session.ts";
import { ActivationDialog } from "./activation-dialog.tsx";
import { DraftChanges } from "./draft-changes.tsx";
import { DraftNotices } from "./draft-notices.tsx";
import { Editor } from "./editor.tsx";
import { formatJson } from "./format-json.ts";
import type { Place } from "./json-text.ts";
import { activate, type Revision } from "./policy-api.ts";
import { useDraft } from "./use-draft.ts";
import { useValidation } from "./use-validation.ts";
import { ValidationReport } from "./validation-report.tsx";

interface Props {
  /** Pass the same object as long as it is the same revision. */
  readonly active: Revision;
  readonly refresh: () => void;
}

export function Workbench({ active, refresh }: Props) {
  const { role } = usePage();
  const state = useDraft();
  const { draft, change, replace } = state;
  const [goTo, setGoTo] = useState<Place | null>(null);
  const [isActivating, setActivating] = useState(false);
  const activeText = useMemo(() => formatJson(active.document), [active]);
  const text = draft?.text ?? activeText;
  const validation = useValidation(draft === null ? null : text);
  const document = validation?.json.ok ? validation.json.value : undefined;
  const draftText = useMemo(() => (document === undefined ? text : formatJson(document)), [document, text]);
  const marked = useMemo(() => new Set(validation?.faults.map(({ line }) => line)), [validation]);
  const isSame = draftText === activeText;
  const hasConflict = draft !== null && draft.base !== active.revision && !isSame;
  const mayActivate = includesRole(role, "admin");
  const edit = (typed: string) =>
    change(typed === activeText ? null : { text: typed, base: draft?.base ?? active.revision });
  useEffect(() => {
    // The draft was activated.
    if (draft !== null && draft.base !== active.revision && isSame && !isActivating) change(null);
  }, [draft, active, isSame, isActivating]);
  return (
    <>
      <DraftNotices state={state} active={active} hasConflict={hasConflict} />
      <Editor text={text} onInput={edit} marked={marked} goTo={goTo} isReadOnly={false} />
      <ValidationReport validation={validation} onGoTo={(place) => setGoTo({ ...place })} />
      <div class="buttons start">
        <button
          type="button"
          class="primary"
          disabled={!mayActivate || draft === null || hasConflict || isSame || !validation?.isValid}
          onClick={() => setActivating(true)}
        >
          Activate…
        </button>
        <button
          type="button"
          disabled={document === undefined || draftText === text}
          onClick={() => edit(draftText)}
        >
          Format
        </button>
        <button type="button" disabled={draft === null} onClick={() => replace(null)}>
          Discard draft
        </button>
        <Link to={{ screen: "simulator", params: {} }}>Try it on recorded traffic</Link>
      </div>
      {!mayActivate && (
        <p class="quiet">
          You can edit, validate and simulate. Activating needs the role admin; yours is {role}.
        </p>
      )}
      {draft !== null && (
        <DraftChanges active={active} activeText={activeText} draftText={draftText} document={document} />
      )}
      {isActivating && draft !== null && document !== undefined && (
        <ActivationDialog
          title="Activate this policy"
          verb="Activate"
          active={active}
          document={document}
          warnings={validation?.warnings ?? []}
          activate={(confirmation) => activate(document, draft.base, confirmation)}
          onActivated={refresh}
          onConflict={refresh}
          onClose={() => setActivating(false)}
        />
      )}
    </>
  );
}
