/**
 * Checks G4 from outside: a request that arrives after a change was acknowledged is not decided by the account as it was before, by any
 * isolate, whether by the object, from a lease or by a repeated denial.
 */
import type { Asked, History } from "./history.ts";
import { CLOCK_ERROR_MS } from "./lent-leases.ts";
import type { Reference } from "./reference.ts";
import type { Wrong } from "./replay.ts";

/** How long a denial is repeated at most. */
const DENIAL_MS = 1_000;

export function checkAcknowledged(history: History, reference: Reference, wrong: Wrong): void {
  const { acks, asked } = history;
  if (acks.length === 0) return;
  for (const one of asked) {
    const version = versionOf(one, asked, reference);
    if (version === null) continue;
    for (const { number, atMs } of acks) {
      const made = reference.madeBy.get(number);
      if (made === undefined || one.atMs <= atMs || version >= made) continue;
      // Who is rejected anyway may be rejected for the older reason.
      if (one.decision?.outcome === "denied" && isRejecting(history, number)) continue;
      const { source, outcome } = one.decision ?? {};
      wrong("G4", `${outcome} by ${source} of version ${version}, but ${made} was acknowledged`, one);
      break;
    }
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

function isRejecting({ entries }: History, number: number): boolean {
  return entries.some(
    (entry) =>
      entry.kind === "change" &&
      entry.number === number &&
      (entry.change.kind === "status" || entry.change.kind === "key"),
  );
}
