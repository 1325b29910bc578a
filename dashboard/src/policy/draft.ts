/**
 * The policy as it is being edited. Kept in the tab's sessionStorage on every change, so that neither a reload, nor another screen, nor
 * an ended session loses what was typed; a draft that another takes the place of is set aside, never dropped. Nobody else sees it.
 */

export interface Draft {
  readonly text: string;
  /** The revision that it was begun from: what it is compared with and activated against. */
  readonly base: number;
}

/** The draft itself, and the last one that was set aside. */
export type DraftSlot = "draft" | "aside";

/** What the API takes as a body, less what the rest of the request needs. */
export const LONGEST_DRAFT = 1_000_000;

/** Null where there is none, or none that can be read. */
export function storedDraft(
  slot: DraftSlot,
  storage: Pick<Storage, "getItem"> = sessionStorage,
): Draft | null {
  try {
    const stored: unknown = JSON.parse(storage.getItem(keyOf(slot)) ?? "null");
    if (typeof stored !== "object" || stored === null || !("text" in stored) || !("base" in stored))
      return null;
    const { text, base } = stored;
    return typeof text === "string" && typeof base === "number" && Number.isSafeInteger(base)
      ? { text, base }
      : null;
  } catch {
    return null;
  }
}

/** Keeps a draft; null forgets it. False where the browser does not keep it: the page alone has it then. */
export function storeDraft(
  slot: DraftSlot,
  draft: Draft | null,
  storage: Pick<Storage, "setItem" | "removeItem"> = sessionStorage,
): boolean {
  try {
    if (draft === null) storage.removeItem(keyOf(slot));
    else storage.setItem(keyOf(slot), JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

/** Begins a draft; one that was there is set aside. */
export function beginDraft(
  draft: Draft,
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> = sessionStorage,
): void {
  const known = storedDraft("draft", storage);
  if (known && known.text !== draft.text) storeDraft("aside", known, storage);
  storeDraft("draft", draft, storage);
}

function keyOf(slot: DraftSlot): string {
  return `edge-limiter.policy-${slot}`;
}
