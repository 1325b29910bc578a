/** What the draft changes compared with the policy in force: in words, and in its text. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { Section } from "../kit/section.tsx";
import type { PolicyUses } from "../shell/answers.ts";
import { ChangeList } from "./change-list.tsx";
import { DiffView } from "./editor/diff-view.tsx";
import type { Revision } from "./policy-api.ts";

interface Props {
  readonly active: Revision;
  /** The formatted text of the policy in force. */
  readonly activeText: string;
  /** The draft, formatted if it is JSON. */
  readonly draftText: string;
  /** Undefined if the draft is not JSON. */
  readonly document: unknown;
  readonly uses: PolicyUses | null;
}

/** The diff of a long text takes too long to compute it for every key. */
const DEBOUNCE_MS = 250;

export function DraftChanges({ active, activeText, draftText, document, uses }: Props) {
  const debounced = useDebounced(draftText);
  const isSame = draftText === activeText;
  const lines = useMemo(
    () => <DiffView before={activeText} after={debounced} label="Changed lines" />,
    [activeText, debounced],
  );
  return (
    <Section title={`Changes since revision ${active.revision}`}>
      {isSame && <p>Nothing changes.</p>}
      {!isSame && document !== undefined && (
        <ChangeList before={active.document} after={document} uses={uses} />
      )}
      {!isSame && lines}
    </Section>
  );
}

function useDebounced(text: string): string {
  const [debounced, setDebounced] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setDebounced(text), DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return debounced;
}
