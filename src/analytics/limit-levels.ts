/**
 * What was left of each limit after a decision, as the text of the field `limits`: `minute=149.5/150;tpm=6000/10000 of tokens;uploads=3/5 slots`. Written by the
 * isolate's flush, never while a request waits. Pure.
 */
import { isUncapped, type LimitView } from "../core/decision.ts";

/** A request has a handful of limits; texts near the longest that the stores keep (512) would be cut within a number. */
const MAX_LENGTH = 480;
/** Without limits. A limit's part always has "=". */
export const NO_LIMITS = "none";

/** @param views null: nothing was decided, so there is nothing to record. */
export function limitsText(views: readonly LimitView[] | null): string {
  if (views === null) return "";
  if (views.length === 0) return NO_LIMITS;
  let text = "";
  for (const view of views) {
    if (isUncapped(view)) continue;
    const { name, kind, unit, remaining, limit } = view;
    const counted = kind === "concurrency" ? " slots" : unit === undefined ? "" : ` of ${unit}`;
    const part = `${name}=${remaining}/${limit}${counted}`;
    if (text.length + part.length >= MAX_LENGTH) break;
    text += text === "" ? part : `;${part}`;
  }
  return text === "" ? NO_LIMITS : text;
}
