/**
 * Remembers denials in the isolate, so that a client that goes on sending is refused without a call to the object.
 *
 * A denial holds for requests of the same subject, tier, route, key and cost, until the moment from which that cost passes, and for a
 * second at most. Another cost is asked about: a cheaper one may pass, and a dearer one has a later Retry-After. It is fenced by
 * the policy's revision, and forgotten when this isolate changes the account.
 *
 * Never turns an answer into another: what the object would deny is denied. Plain data; the clock is an argument.
 */
import { BoundedCache } from "../bounded-cache.ts";
import type { Decision, DecisionRequest, LimitView } from "../core/decision.ts";
import { toTokens } from "../core/units.ts";
import { nextDecisionId } from "./decision-id.ts";

/** How long a denial is repeated at most: what a raised limit or a lifted block may take to be seen by other isolates. */
export const LONGEST_MS = 1_000;
/** Subjects with a denial, about 1 KB each. */
const SUBJECTS = 10_000;
/** Tiers, routes and keys of one subject; beyond it all are forgotten and asked about again. */
const DENIALS_PER_SUBJECT = 16;

interface Denial {
  readonly decision: Decision;
  readonly askedAtMs: number;
  readonly untilMs: number;
}

export class DenyCache {
  readonly #denials = new BoundedCache<Map<string, Denial>>(SUBJECTS);
  readonly #forgotten = new BoundedCache<true>(SUBJECTS);

  /** The denial that holds for this request, as it would be given now; null where the object must be asked. */
  find(subject: string, request: DecisionRequest, costMilli: number, nowMs: number): Decision | null {
    const denial = this.#denials.getStale(subject)?.get(nameOf(request));
    if (!denial || nowMs >= denial.untilMs || nowMs < denial.askedAtMs) return null;
    const { decision } = denial;
    if (toTokens(costMilli) !== decision.cost || request.revision > decision.revision) return null;
    return repeated(decision, nowMs - denial.askedAtMs);
  }

  /**
   * Remembers a decision if it is a denial by a limit; any other makes an earlier denial void. Its times count from when it was
   * asked for, so that it ends before the object would have let the request pass.
   */
  note(subject: string, request: DecisionRequest, decision: Decision, askedAtMs: number): void {
    // A remembered decision may be minutes old.
    if (request.peek || request.idempotencyKey !== null) return;
    const name = nameOf(request);
    const known = this.#denials.getStale(subject);
    if (decision.outcome !== "denied" || lacksSlot(decision) || this.#forgotten.get(subject, askedAtMs)) {
      known?.delete(name);
      return;
    }
    const untilMs = askedAtMs + Math.min(LONGEST_MS, decision.retryAfterMs ?? LONGEST_MS);
    const denials = known && known.size < DENIALS_PER_SUBJECT ? known : new Map<string, Denial>();
    denials.set(name, { decision, askedAtMs, untilMs });
    this.#denials.set(subject, denials, untilMs);
  }

  /** Forgets a subject's denials, and those that are under way: its account was changed here. */
  forget(subject: string, nowMs: number): void {
    this.#denials.delete(subject);
    this.#forgotten.set(subject, true, nowMs + 1);
  }
}

function nameOf({ tier, route, keyId }: DecisionRequest): string {
  return `${tier}\n${route ?? ""}\n${keyId ?? ""}`;
}

/** Whether it may end before its Retry-After says: a slot is free as soon as a request that holds one has ended. */
function lacksSlot({ limits, violated }: Decision): boolean {
  return limits.some(({ name, kind }) => kind === "concurrency" && violated.includes(name));
}

/** The same denial `elapsedMs` later. What remains is what the object last said: it may be a little more by now. */
function repeated(decision: Decision, elapsedMs: number): Decision {
  const { retryAfterMs, limits } = decision;
  return {
    ...decision,
    source: "deny-cache",
    decisionId: nextDecisionId(),
    retryAfterMs: retryAfterMs === null ? null : Math.max(1, retryAfterMs - elapsedMs),
    limits: limits.map(({ name, kind, limit, remaining, resetMs, windowMs }): LimitView => ({
      name,
      kind,
      limit,
      remaining,
      resetMs: Math.max(0, resetMs - elapsedMs),
      windowMs,
    })),
  };
}
