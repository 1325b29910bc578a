/** Headers that transformations never touch, although an operator may ask for it: an upstream or a client relies on them. Pure. */
import { foldedName, HOP_BY_HOP, isClaim, isLimitHeader, isOverride } from "../header-names.ts";

/** They describe the body or the request's target, which are not changed. */
const FRAMING = new Set(["host", "content-length", "content-encoding", "expect"]);
/** Joined by commas, their lines mean something else. */
const UNJOINABLE = new Set(["cookie", "set-cookie"]);

export type Operation = "remove" | "rename" | "set" | "add";

/** Why a transformation must not touch a header, in any spelling of its name; null: it may. */
export function forbiddenHeader(name: string, operation: Operation): string | null {
  const folded = foldedName(name.toLowerCase());
  if (HOP_BY_HOP.has(folded) || folded.startsWith("sec-websocket-")) {
    return "concerns one connection: only the gateway sets it";
  }
  if (isClaim(folded) || folded.startsWith("cf-")) return "says who the caller is: only the gateway sets it";
  if (isOverride(folded)) return "overrides the method or path that was limited: see forwardOverrides";
  if (isLimitHeader(folded)) return "says what is left of a limit: only the gateway sets it";
  if (FRAMING.has(folded)) return "describes the target or the body, which are forwarded as they are";
  if (folded === "set-cookie" && operation !== "remove") return "can only be removed";
  if (UNJOINABLE.has(folded) && operation === "add")
    return "can only be set: a second line would not be read";
  return null;
}
