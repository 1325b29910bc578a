/** What the draft changes compared with the policy in force. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { ChangeList, LineDiff } from "./changes-view.tsx";
import type { Revision } from "./policy-api.ts";

interface Props {
  readonly active: Revision;
  /** The formatted text of the policy in force. */
  readonly activeText: string;
  /** The draft, formatted if it is JSON. */
  readonly draftText: string;
  /** Undefined if the draft is not JSON. */
  readonly document: unknown;
}

/** The diff of a long text takes too long to compute it for every key. */
const DEBOUNCE_MS = 250;

export function DraftChanges({ active, activeText, draftText, document }: Props) {
  const debounced = useDebounced(draftText);
  const isSame = draftText === activeText;
  // The diff can have thousands of rows: render it only if it changed.
  const lines = useMemo(
    () => <LineDiff before={activeText} after={debounced} label="Changed lines" />,
    [activeText, debounced],
  );
  return (
    <section aria-labelledby="changes-title">
      <h2 id="changes-title">Changes since revision {active.revision}</h2>
      {isSame && <p>No field changes.</p>}
      {!isSame && document !== undefined && <ChangeList before={active.document} after={document} />}
      {!isSame && lines}
    </section>
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
