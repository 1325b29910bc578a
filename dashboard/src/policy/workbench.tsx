/** Where the policy is edited: the draft, what is wrong with it, what it changes, and what can be done with it. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { Link, usePage } from "../shell/page.tsx";
import { mayDo } from "../shell/session.ts";
import { ActivationDialog } from "./activation-dialog.tsx";
import { ChangeList, LineDiff } from "./changes-view.tsx";
import { type Draft, storedDraft, storeDraft } from "./draft.ts";
import { Editor } from "./editor.tsx";
import { formatJson } from "./format-json.ts";
import type { Place } from "./json-text.ts";
import { activate, type Revision } from "./policy-api.ts";
import { useValidation } from "./use-validation.ts";
import type { Validation } from "./validation.ts";
import { WarningList } from "./warning-list.tsx";

interface Props {
  /** The same object as long as it is the same revision. */
  readonly active: Revision;
  readonly refresh: () => void;
}

const SETTLED_MS = 250;

export function Workbench({ active, refresh }: Props) {
  const { role } = usePage();
  const [draft, setDraft] = useState<Draft | null>(() => storedDraft("draft"));
  const [aside, setAside] = useState<Draft | null>(() => storedDraft("aside"));
  const [isKept, setKept] = useState(true);
  const [goTo, setGoTo] = useState<Place | null>(null);
  const [isAsking, setAsking] = useState(false);
  const activeText = useMemo(() => formatJson(active.document), [active]);
  const text = draft?.text ?? activeText;
  const validation = useValidation(draft === null ? null : text);
  const document = validation?.json.ok ? validation.json.value : undefined;
  const draftText = useMemo(() => (document === undefined ? text : formatJson(document)), [document, text]);
  const settled = useSettled(draftText);
  const isSame = draftText === activeText;
  const isLate = draft !== null && draft.base !== active.revision && !isSame;

  const change = (next: Draft | null) => {
    setDraft(next);
    setKept(storeDraft("draft", next));
  };
  const putAside = (next: Draft | null) => {
    setAside(draft);
    storeDraft("aside", draft);
    change(next);
  };
  const edit = (typed: string) =>
    change(typed === activeText ? null : { text: typed, base: draft?.base ?? active.revision });
  useEffect(() => {
    // What was drafted has come into force.
    if (draft !== null && draft.base !== active.revision && isSame && !isAsking) change(null);
  }, [draft, active, isSame, isAsking]);

  // Thousands of rows may stand there, which no key shall draw anew.
  const lines = useMemo(
    () => <LineDiff before={activeText} after={settled} label="Changed lines" />,
    [activeText, settled],
  );
  const marked = useMemo(() => new Set(validation?.faults.map(({ line }) => line)), [validation]);
  return (
    <>
      {isLate && (
        <Late
          draft={draft}
          active={active}
          onKeep={() => change({ ...draft, base: active.revision })}
          onTake={() => putAside(null)}
        />
      )}
      {!isKept && (
        <p role="alert">
          This browser does not keep the draft: it is lost when you leave or reload the page.
        </p>
      )}
      {aside !== null && (
        <p class="aside">
          A draft of revision {aside.base} was set aside.{" "}
          <button type="button" onClick={() => putAside(aside)}>
            Bring it back
          </button>{" "}
          <button
            type="button"
            onClick={() => {
              setAside(null);
              storeDraft("aside", null);
            }}
          >
            Forget it
          </button>
        </p>
      )}
      <Editor text={text} onInput={edit} marked={marked} goTo={goTo} isReadOnly={false} />
      <Verdict validation={validation} onGoTo={(place) => setGoTo({ ...place })} />
      <div class="buttons start">
        <button
          type="button"
          class="primary"
          disabled={!mayDo(role, "admin") || draft === null || isLate || isSame || !validation?.isValid}
          onClick={() => setAsking(true)}
        >
          Activate…
        </button>
        <button
          type="button"
          disabled={document === undefined || draftText === text}
          onClick={() => edit(draftText)}
        >
          Lay out
        </button>
        <button type="button" disabled={draft === null} onClick={() => putAside(null)}>
          Set aside
        </button>
        <Link to={{ screen: "simulator", params: {} }}>Try it on recorded traffic</Link>
      </div>
      {!mayDo(role, "admin") && (
        <p class="quiet">
          Your role is {role}: you may draft, check and simulate; an admin puts it into force.
        </p>
      )}
      {draft !== null && (
        <section aria-labelledby="changes-title">
          <h2 id="changes-title">What changes against revision {active.revision}</h2>
          {isSame && <p>Nothing changes in meaning.</p>}
          {!isSame && document !== undefined && <ChangeList before={active.document} after={document} />}
          {!isSame && lines}
        </section>
      )}
      {isAsking && draft !== null && document !== undefined && (
        <ActivationDialog
          title="Activate this policy"
          verb="Activate"
          active={active}
          document={document}
          warnings={validation?.warnings ?? []}
          activate={(by) => activate(document, draft.base, by)}
          onActivated={refresh}
          onConflict={refresh}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}

/** The text when the typing pauses: what is drawn from it takes too long to be drawn with every key. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

interface LateProps {
  readonly draft: Draft;
  readonly active: Revision;
  readonly onKeep: () => void;
  readonly onTake: () => void;
}

function Late({ draft, active, onKeep, onTake }: LateProps) {
  return (
    <div role="alert" class="card late">
      <p>
        {active.actor || "Somebody"} put revision {active.revision} into force after you began this draft from
        revision {draft.base}
        {active.reason === "" ? "." : `: “${active.reason}”.`} Your draft is kept.{" "}
        <Link to={{ screen: "policy", params: { revision: String(active.revision), against: "before" } }}>
          See what they changed
        </Link>
      </p>
      <div class="buttons start">
        <button type="button" onClick={onKeep}>
          Go on with my draft
        </button>
        <button type="button" onClick={onTake}>
          Take theirs, set mine aside
        </button>
      </div>
      <p>
        If you go on, what they changed is undone unless your draft has it too: the lines below show all of
        it.
      </p>
    </div>
  );
}

interface VerdictProps {
  readonly validation: Validation | null;
  readonly onGoTo: (place: Place) => void;
}

function Verdict({ validation, onGoTo }: VerdictProps) {
  return (
    <div class="verdict">
      <p role="status">{verdictOf(validation)}</p>
      {validation !== null && validation.faults.length > 0 && (
        <ul>
          {validation.faults.map(({ where, message, place, line }) => (
            <li key={`${where} ${message}`}>
              <button type="button" class="link" onClick={() => onGoTo(place)}>
                {where}
                {where.startsWith("line") ? "" : ` (line ${line})`}
              </button>{" "}
              {message}
            </li>
          ))}
        </ul>
      )}
      <WarningList warnings={validation?.warnings ?? []} />
    </div>
  );
}

function verdictOf(validation: Validation | null): string {
  if (validation === null) return "This is the policy in force. Type to begin a draft.";
  const { faults, isChecking, unknown } = validation;
  if (unknown !== null) return `It could not be checked: ${unknown} It is tried again by itself.`;
  if (isChecking) return "Checking…";
  if (faults.length === 0) return "Valid: no faults found.";
  return faults.length === 1 ? "Not valid: one fault." : `Not valid: ${faults.length} faults.`;
}
