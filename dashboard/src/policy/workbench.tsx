/** The workbench for the next policy: the form and the editor of the draft, its validation, its changes, and the activation. */
import { useMemo, useRef, useState } from "preact/hooks";
import type { NewRevision, PolicyUses } from "../shell/answers.ts";
import { isRecord } from "../shell/api-client.ts";
import { Icon } from "../kit/icon.tsx";
import { Link, usePage } from "../shell/page.tsx";
import { includesRole } from "../shell/session.ts";
import { ActivationDialog } from "./activation-dialog.tsx";
import { DraftChanges } from "./draft-changes.tsx";
import { DraftNotices } from "./draft-notices.tsx";
import type { CodeEditor } from "./editor/code-editor.ts";
import type { ParsedJson } from "./editor/json-document.ts";
import type { TextEdit } from "./editor/json-edits.ts";
import { TextEditor } from "./editor/text-editor.tsx";
import { PolicyForm } from "./form/policy-form.tsx";
import { formatJson } from "./format-json.ts";
import { activate } from "./activation-api.ts";
import type { Revision } from "./policy-api.ts";
import { type DraftState, useDraft } from "./use-draft.ts";
import { useSchema } from "./use-schema.ts";
import { useValidation } from "./use-validation.ts";
import { readDraft, type Validation } from "./validation.ts";
import { ValidationReport } from "./validation-report.tsx";

interface Props {
  /** Pass the same object as long as it is the same revision. */
  readonly active: Revision;
  readonly uses: PolicyUses | null;
  readonly refresh: () => void;
  /** The draft was activated as this revision. */
  readonly onActivated: (revision: Revision) => void;
}

export function Workbench({ active, uses, refresh, onActivated }: Props) {
  const state = useDraft();
  const { draft, change } = state;
  const editor = useRef<CodeEditor | null>(null);
  const [activating, setActivating] = useState<Revision["document"] | null>(null);
  const schema = useSchema();
  const activeText = useMemo(() => formatJson(active.document), [active]);
  const text = draft?.text ?? activeText;
  const validation = useValidation(draft === null ? null : text);
  const json = useMemo(() => validation?.json ?? readDraft(text), [validation, text]);
  const document = json.ok ? json.value : undefined;
  const draftText = useMemo(() => (json.ok ? formatJson(json.value) : text), [json, text]);
  const diagnostics = useMemo(() => diagnosticsOf(validation), [validation]);
  const isSame = draftText === activeText;
  const edit = (typed: string) =>
    change(typed === activeText ? null : { text: typed, base: draft?.base ?? active.revision });
  const applyEdits = (editsOf: (known: ParsedJson) => readonly TextEdit[]) => {
    if (json.ok) editor.current?.apply(editsOf(json));
  };
  const activated = (info: NewRevision, activeDocument: Revision["document"]) => {
    change(null);
    onActivated({ ...info, document: activeDocument });
    refresh();
  };
  return (
    <>
      <DraftNotices
        state={state}
        active={active}
        hasConflict={draft !== null && draft.base !== active.revision && !isSame}
      />
      <div class="bench">
        <PolicyForm
          json={json}
          schema={schema}
          uses={uses}
          faults={validation?.faults ?? []}
          apply={applyEdits}
        />
        <div class="bench-text">
          <TextEditor text={text} onInput={edit} diagnostics={diagnostics} schema={schema} editor={editor} />
          <ValidationReport
            validation={validation}
            defaultTier={isRecord(document) ? String(document["defaultTier"] ?? "") : ""}
            onGoTo={({ from, to }) => editor.current?.goTo(from, to)}
          />
          <DraftButtons
            state={state}
            active={active}
            isSame={isSame}
            validation={validation}
            onActivate={() => isRecord(document) && setActivating(document)}
            onFormat={document === undefined || draftText === text ? null : () => edit(draftText)}
          />
        </div>
      </div>
      {draft !== null && (
        <DraftChanges
          active={active}
          activeText={activeText}
          draftText={draftText}
          document={document}
          uses={uses}
        />
      )}
      {activating !== null && (
        <ActivationDialog
          title="Activate this policy"
          verb="Activate"
          active={active}
          document={activating}
          simulator={{}}
          uses={uses}
          activate={(confirmation) => activate(activating, draft?.base ?? active.revision, confirmation)}
          onActivated={(info) => activated(info, activating)}
          onConflict={refresh}
          onClose={() => setActivating(null)}
        />
      )}
    </>
  );
}

function diagnosticsOf(validation: Validation | null) {
  return (validation?.faults ?? []).map(({ from, to, message }) => ({
    from,
    to,
    message,
    severity: "error" as const,
  }));
}

interface ButtonsProps {
  readonly state: DraftState;
  readonly active: Revision;
  readonly isSame: boolean;
  readonly validation: Validation | null;
  readonly onActivate: () => void;
  /** Null if there is nothing to format. */
  readonly onFormat: (() => void) | null;
}

function DraftButtons({
  state: { draft, replace },
  active,
  isSame,
  validation,
  onActivate,
  onFormat,
}: ButtonsProps) {
  const { role } = usePage();
  const mayActivate = includesRole(role, "admin");
  const hasConflict = draft !== null && draft.base !== active.revision && !isSame;
  const isReady = draft !== null && !hasConflict && !isSame && validation?.isValid === true;
  return (
    <>
      <div class="buttons start">
        <button type="button" class="primary" disabled={!mayActivate || !isReady} onClick={onActivate}>
          Activate…
        </button>
        <button type="button" disabled={onFormat === null} onClick={() => onFormat?.()}>
          Format
        </button>
        <button type="button" disabled={draft === null} onClick={() => replace(null)}>
          Discard draft
        </button>
        <Link to={{ screen: "simulator", params: {} }}>
          <Icon name="simulator" /> Try it on recorded traffic
        </Link>
      </div>
      {!mayActivate && (
        <p class="quiet">
          You can edit, validate and simulate. Activating needs the role admin; yours is {role}.
        </p>
      )}
    </>
  );
}
