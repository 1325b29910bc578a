/** The policy draft and the last discarded one, kept in the tab's storage. */
import { useState } from "preact/hooks";
import { type Draft, storedDraft, storeDraft } from "./draft.ts";

export interface DraftState {
  /** Null: the text is that of the policy in force. */
  readonly draft: Draft | null;
  readonly discarded: Draft | null;
  /** False if the browser could not store the draft. */
  readonly isStored: boolean;
  readonly change: (next: Draft | null) => void;
  /** Discards the draft and takes `next` in its place. */
  readonly replace: (next: Draft | null) => void;
  readonly deleteDiscarded: () => void;
}

export function useDraft(): DraftState {
  const [draft, setDraft] = useState<Draft | null>(() => storedDraft("draft"));
  const [discarded, setDiscarded] = useState<Draft | null>(() => storedDraft("discarded"));
  const [isStored, setStored] = useState(true);
  const discard = (old: Draft | null) => {
    setDiscarded(old);
    storeDraft("discarded", old);
  };
  const change = (next: Draft | null) => {
    setDraft(next);
    setStored(storeDraft("draft", next));
  };
  return {
    draft,
    discarded,
    isStored,
    change,
    replace: (next) => {
      discard(draft);
      change(next);
    },
    deleteDiscarded: () => discard(null),
  };
}
