/**
 * Remembers denials in the isolate, so that a client that keeps sending is rejected without a call to the object.
 *
 * A denial is repeated for requests of the same subject, tier, route, key and cost until that cost passes, at most for a second. Other
 * costs ask the object: a lower one may pass, and a higher one has a later Retry-After. A newer policy revision voids it, and so does a
 * change of the account by this isolate.
 *
 * Never changes an answer: it denies only what the object would deny. Plain data; the clock is an argument.
 */
import { BoundedCache } from "../bounded-cache.ts";
import {
  type Decision,
  decisionOf,
  type DecisionRequest,
  laterView,
  MAX_REPEAT_MS,
} from "../core/decision.ts";
import { type UnitCosts, unitAmounts } from "../core/unit-costs.ts";
import { MILLI, toTokens } from "../core/units.ts";
import { nextDecisionId } from "./decision-id.ts";

/** Subjects with a denial, about 1 KB each. */
const SUBJECTS = 10_000;
/** Denials of one subject, for its tiers, routes and keys. Beyond that, all are dropped and the object is asked again. */
const DENIALS_PER_SUBJECT = 16;

interface Denial {
  readonly decision: Decision;
  readonly askedAtMs: number;
  readonly untilMs: number;
}

export class DenyCache {
  readonly #denials = new BoundedCache<Map<string, Denial>>(SUBJECTS);
  readonly #forgotten = new BoundedCache<true>(SUBJECTS);

  /** The denial of this request, with its times as of now; null if the object must be asked. */
  find(
    subject: string,
    request: DecisionRequest,
    costMilli: number,
    nowMs: number,
    units: UnitCosts | null = null,
  ): Decision | null {
    const denial = this.#denials.getStale(subject)?.get(nameOf(request));
    if (!denial || nowMs >= denial.untilMs || nowMs < denial.askedAtMs) return null;
    const { decision } = denial;
    if (toTokens(costMilli) !== decision.cost || request.revision > decision.revision) return null;
    if (!isOfUnits(decision, units)) return null;
    return repeated(decision, nowMs - denial.askedAtMs);
  }

  /**
   * Remembers a decision if it is a denial by a limit; any other voids an earlier denial. Its times count from when the object was asked,
   * so that it ends before the object would allow the request.
   * @param repeatMs how long the object wants it repeated: 0 not at all; at least that long if it is called too often; undefined: as long
   * as it holds.
   */
  note(
    subject: string,
    request: DecisionRequest,
    decision: Decision,
    askedAtMs: number,
    repeatMs?: number,
  ): void {
    // A decision remembered for its idempotency key may be minutes old.
    if (request.peek || request.idempotencyKey !== null) return;
    const name = nameOf(request);
    const known = this.#denials.getStale(subject);
    if (decision.outcome !== "denied" || lacksSlot(decision) || this.#forgotten.get(subject, askedAtMs)) {
      known?.delete(name);
      return;
    }
    // A cost above the capacity leaves no trace in the object: after a restart, a change would not wait until no isolate repeats it.
    const forMs = Math.max(decision.retryAfterMs ?? 0, repeatMs ?? 0);
    const untilMs = askedAtMs + (repeatMs === 0 ? 0 : Math.min(MAX_REPEAT_MS, forMs));
    const denials = known && known.size < DENIALS_PER_SUBJECT ? known : new Map<string, Denial>();
    denials.set(name, { decision, askedAtMs, untilMs });
    this.#denials.set(subject, denials, untilMs);
  }

  /** Forgets a subject's denials, including those in transit: its account was changed here. */
  forget(subject: string, nowMs: number): void {
    this.#denials.delete(subject);
    this.#forgotten.set(subject, true, nowMs + 1);
  }
}

/** Whether a decision is about this cost in other units. */
function isOfUnits({ units: decided }: Decision, units: UnitCosts | null): boolean {
  if (decided === undefined || units === null) return decided === undefined && units === null;
  return JSON.stringify(decided) === JSON.stringify(unitAmounts(units));
}

function nameOf({ tier, route, keyId }: DecisionRequest): string {
  return `${tier}\n${route ?? ""}\n${keyId ?? ""}`;
}

/** Whether it may end before its Retry-After: a slot is free as soon as a request that holds one ends. */
function lacksSlot({ limits, violated }: Decision): boolean {
  return limits.some(({ name, kind }) => kind === "concurrency" && violated.includes(name));
}

/** The same denial `elapsedMs` later. The remaining tokens are those that the object reported; there may be slightly more now. */
function repeated(decision: Decision, elapsedMs: number): Decision {
  const { retryAfterMs, limits, cost, violated, units } = decision;
  // Without a spread, which costs several times as much: this runs thousands of times for one client.
  const again = decisionOf(
    decision,
    "deny-cache",
    nextDecisionId(),
    Math.round(cost * MILLI),
    "denied",
    limits.map((view) => laterView(view, elapsedMs)),
    retryAfterMs === null ? null : Math.max(1, retryAfterMs - elapsedMs),
    violated,
    decision.holds,
    decision.cap,
  );
  return units === undefined ? again : { ...again, units };
}
