/** From which lease a request was admitted. */
import type { DecisionRequest } from "../../src/core/decision.ts";
import type { Asked, ReceivedLease } from "./history.ts";

/** An isolate's clock may lag by this much within a lease's time: it runs slow, or stands still. */
export const CLOCK_ERROR_MS = 60;

/**
 * The lease from which a request was just admitted: the last one that its isolate has received for requests like it; null if that is
 * over, or there is none.
 */
export function leaseOf(received: readonly ReceivedLease[], asked: Asked): ReceivedLease | null {
  const { decision, request, isolate, life, decidedMs } = asked;
  for (let i = received.length - 1; i >= 0; i--) {
    const known = received[i];
    if (!known || known.isolate !== isolate || known.life !== life) continue;
    const { lease, askedMs } = known;
    if (!isFor(lease, request)) continue;
    if (lease.tier !== decision?.tier || lease.revision !== decision.revision) continue;
    return decidedMs < askedMs + lease.forMs + CLOCK_ERROR_MS ? known : null;
  }
  return null;
}

function isFor({ keyId, route }: ReceivedLease["lease"], request: DecisionRequest): boolean {
  // Of the routes, only /own has limits of its own.
  return keyId === request.keyId && route === (request.route === "/own" ? "/own" : null);
}
