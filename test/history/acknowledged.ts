/**
 * Checks G4 from outside: a request that arrives after a change was acknowledged is not decided by the account as it was before, by any
 * isolate, whether by the object, from a lease or by a repeated denial.
 */
import { type Asked, type Changed, CLOCK_ERROR_MS, type History, keyIdOf, type Wrong } from "./history.ts";
import type { Reference } from "./reference.ts";

/** Changes that may admit what was denied. */
const ADMIT_MORE: ReadonlySet<Changed["change"]["kind"]> = new Set([
  "tier",
  "numbers",
  "grant",
  "reset",
  "delete",
  "create",
]);

/** How long a denial is repeated at most. */
const DENIAL_MS = 1_000;

export function checkAcknowledged(history: History, reference: Reference, wrong: Wrong): void {
  const { acks, asked } = history;
  if (acks.length === 0) return;
  const changes = new Map<number, Changed["change"]>();
  for (const entry of history.entries) if (entry.kind === "change") changes.set(entry.number, entry.change);
  for (const one of asked) {
    const version = versionOf(one, asked, reference);
    if (version === null) continue;
    for (const { number, atMs } of acks) {
      const made = reference.madeBy.get(number);
      const change = changes.get(number);
      if (made === undefined || !change || one.atMs <= atMs || version >= made || !binds(change, one))
        continue;
      const { source, outcome } = one.decision ?? {};
      const what = `${change.kind} of version ${made} was acknowledged ${one.atMs - atMs} ms before`;
      wrong("G4", `${outcome} by ${source} of version ${version}, but the ${what}`, one);
      break;
    }
  }
}

/** Whether a change must hold for a decision once it is acknowledged. The object's own decisions know every change. */
function binds(change: Changed["change"], { decision, request }: Asked): boolean {
  const mayAdmitMore = ADMIT_MORE.has(change.kind);
  switch (decision?.source) {
    case "strict":
      // A request that is rejected either way may name the older reason.
      return decision.outcome !== "denied" || mayAdmitMore;
    case "lease":
    case "deny-cache":
      if (change.kind === "status") return change.status === "blocked";
      if (change.kind === "key") return !change.valid && request.keyId === keyIdOf(change.key);
      if (change.kind === "rotate") return change.graceMs === 0 && request.keyId === change.oldKeyId;
      // A lease of before admits no more than without the grant.
      return (
        change.kind === "revoke" ||
        (mayAdmitMore && (change.kind !== "grant" || decision.source === "deny-cache"))
      );
    default:
      return false;
  }
}

/** The newest version by which the decision may have been made; null if none binds it. */
function versionOf(one: Asked, asked: readonly Asked[], { decided, spent }: Reference): number | null {
  const { decision } = one;
  if (!decision || decision.replayed) return null;
  switch (decision.source) {
    case "strict": {
      const by = decided.get(decision.decisionId);
      return by && by.replacedMs === Infinity ? by.version : null;
    }
    case "lease": {
      const by = spent.get(one);
      return by && by.replacedMs === Infinity ? by.version : null;
    }
    case "deny-cache":
      return newestDenial(one, asked, decided);
    default:
      return null;
  }
}

/** The newest version of the denials that an isolate may be repeating; null if one of them is a replaced copy's. */
function newestDenial(one: Asked, asked: readonly Asked[], decided: Reference["decided"]): number | null {
  let newest = -1;
  for (const other of asked) {
    const { decision } = other;
    if (other.isolate !== one.isolate || other.life !== one.life) continue;
    if (decision?.source !== "strict" || decision.outcome !== "denied") continue;
    const { request } = other;
    if (request.route !== one.request.route || request.keyId !== one.request.keyId) continue;
    if (other.costMilli !== one.costMilli || other.decidedMs > one.decidedMs) continue;
    if (one.decidedMs - other.fromMs > DENIAL_MS + CLOCK_ERROR_MS) continue;
    const by = decided.get(decision.decisionId);
    if (!by || by.replacedMs !== Infinity) return null;
    newest = Math.max(newest, by.version);
  }
  return newest < 0 ? null : newest;
}
