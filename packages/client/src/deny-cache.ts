/**
 * Repeats denials without a call, as the edge does: for the same user, route, tier and cost, until the cost passes, at most for a second.
 * A decision by a newer policy revision voids them. Never changes an answer: it denies only what the limiter would deny.
 */
import type { Decision, LimitView, Operation } from "./types.ts";

/** About 1 KB each. Beyond that, the oldest is forgotten, and the limiter asked again. */
const MAX_DENIALS = 10_000;
/** A change of an account is acknowledged once no denial from before is repeated any more: after a second. */
const MAX_REPEAT_MS = 1_000;

interface Denial {
  readonly decision: Decision;
  readonly cost: string;
  readonly askedAtMs: number;
  readonly untilMs: number;
}

export class DenyCache {
  readonly #denials = new Map<string, Denial>();
  #revision = 0;

  /** The denial of this operation, with its times as of now; null: ask the limiter. */
  find(operation: Operation, nowMs: number): Decision | null {
    if (!isPlain(operation)) return null;
    const denial = this.#denials.get(nameOf(operation));
    if (!denial || denial.cost !== costOf(operation)) return null;
    const { decision, askedAtMs, untilMs } = denial;
    if (nowMs >= untilMs || nowMs < askedAtMs || decision.revision < this.#revision) return null;
    const elapsedMs = nowMs - askedAtMs;
    return {
      ...decision,
      source: "deny-cache",
      retryAfterMs: Math.max(1, (decision.retryAfterMs ?? 0) - elapsedMs),
      limits: decision.limits.map((view) => later(view, elapsedMs)),
    };
  }

  /** Remembers a denial by a limit; any other decision voids it. @param askedAtMs when the limiter was asked. */
  note(operation: Operation, decision: Decision, askedAtMs: number): void {
    if (!isPlain(operation)) return;
    this.#revision = Math.max(this.#revision, decision.revision);
    const name = nameOf(operation);
    this.#denials.delete(name);
    const { outcome, retryAfterMs, source } = decision;
    // The edge repeats some itself: how old these are is unknown, so they are not repeated here for another second.
    if (outcome !== "denied" || retryAfterMs === null || source !== "strict" || lacksSlot(decision)) return;
    const untilMs = askedAtMs + Math.min(MAX_REPEAT_MS, retryAfterMs);
    this.#denials.set(name, { decision, cost: costOf(operation), askedAtMs, untilMs });
    if (this.#denials.size > MAX_DENIALS) this.#denials.delete(this.#denials.keys().next().value ?? "");
  }
}

/** With a key of the caller's own, or for a peek, the limiter answers each time. */
function isPlain({ idempotencyKey, peek }: Operation): boolean {
  return idempotencyKey === undefined && !peek;
}

function later(view: LimitView, elapsedMs: number): LimitView {
  return { ...view, resetMs: Math.max(0, view.resetMs - elapsedMs) };
}

function nameOf({ user, route = "", tier = "" }: Operation): string {
  return `${user}\n${route}\n${tier}`;
}

function costOf({ cost }: Operation): string {
  return JSON.stringify(cost) ?? "";
}

/** A slot is free as soon as a request that holds one ends: at any moment. */
function lacksSlot({
  limits,
  violated,
}: {
  limits: readonly LimitView[];
  violated: readonly string[];
}): boolean {
  return limits.some(({ name, kind }) => kind === "concurrency" && violated.includes(name));
}
