/** The judge of idempotency keys: under one, a request is decided once, and that decision is repeated for ten minutes. */
import type { Decision } from "../../src/core/decision.ts";
import type { Question } from "../../src/objects/object-call.ts";
import type { Turn, Wrong } from "./history.ts";

const REMEMBERED_MS = 600_000;

export class RememberedDecisions {
  readonly #wrong: Wrong;
  readonly #remembered = new Map<string, { readonly decision: Decision; readonly untilMs: number }>();

  constructor(wrong: Wrong) {
    this.#wrong = wrong;
  }

  /** Whether a question was already decided under its idempotency key. Otherwise remembers the decision. */
  isKnown({ request }: Question, decision: Decision, turn: Turn): boolean {
    const { idempotencyKey, peek } = request;
    if (idempotencyKey === null) return false;
    const before = this.#remembered.get(idempotencyKey);
    // A copy that was replaced can answer a peek or reject, but cannot remember anything, nor know what was decided elsewhere.
    if (turn.isStale && (peek || (before && !decision.allowed))) return true;
    if (before && turn.localMs < before.untilMs) {
      const same = decision.decisionId === before.decision.decisionId && decision.replayed === true;
      if (!same) this.#wrong("G1", `the idempotency key ${idempotencyKey} was decided twice`, turn);
      return true;
    }
    if (decision.replayed)
      this.#wrong("G1", `${idempotencyKey} replays a decision that was never made`, turn);
    if (!peek && decision.allowed)
      this.#remembered.set(idempotencyKey, { decision, untilMs: turn.localMs + REMEMBERED_MS });
    return false;
  }
}
