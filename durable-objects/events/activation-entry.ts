/** The event of a policy that is activated. */
import { parseJson } from "../../src/json.ts";
import type { RevisionInfo } from "../../src/objects/policy-registry.ts";
import type { Entry } from "../outbox.ts";
import { eventEntry } from "./event-entry.ts";

const KIND = "policy.activated";

/** @param document of the revision. @returns null: it does not report this. */
export function activationEntry(
  document: string,
  { revision, actor, reason, restores, createdMs }: RevisionInfo,
): Entry | null {
  const parsed = parseJson(document);
  const events: unknown =
    typeof parsed === "object" && parsed !== null && "events" in parsed && parsed.events;
  if (!Array.isArray(events) || !events.includes(KIND)) return null;
  return eventEntry(KIND, { revision, actor, reason, restores }, createdMs);
}
