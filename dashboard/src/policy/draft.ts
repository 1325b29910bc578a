/**
 * The policy draft. Stored in the tab's sessionStorage on every change, so that a reload, another screen or an ended session never
 * loses it. A discarded or replaced draft is kept as well, until the next one. Visible in this tab only.
 */

export interface Draft {
  readonly text: string;
  /** The revision that it is based on: it is compared with it and activated against it. */
  readonly base: number;
}

/** The draft itself, or the last one that was discarded. */
export type DraftKind = "draft" | "discarded";

/** Characters: the API's limit for a body, less room for the rest of the request. */
export const MAX_DRAFT_LENGTH = 1_000_000;

/** Null if there is none, or it cannot be read. */
export function storedDraft(
  kind: DraftKind,
  storage: Pick<Storage, "getItem"> = sessionStorage,
): Draft | null {
  try {
    const stored: unknown = JSON.parse(storage.getItem(KEYS[kind]) ?? "null");
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

/** Stores a draft; null deletes it. Returns false if the browser cannot store it: then only the page has it. */
export function storeDraft(
  kind: DraftKind,
  draft: Draft | null,
  storage: Pick<Storage, "setItem" | "removeItem"> = sessionStorage,
): boolean {
  try {
    if (draft === null) storage.removeItem(KEYS[kind]);
    else storage.setItem(KEYS[kind], JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

/** Starts a draft; an existing one is discarded. */
export function startDraft(
  draft: Draft,
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> = sessionStorage,
): void {
  const known = storedDraft("draft", storage);
  if (known && known.text !== draft.text) storeDraft("discarded", known, storage);
  storeDraft("draft", draft, storage);
}

/** The keys in sessionStorage. */
const KEYS: Readonly<Record<DraftKind, string>> = {
  draft: "edge-limiter.policy-draft",
  discarded: "edge-limiter.policy-aside",
};
