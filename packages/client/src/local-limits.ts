/**
 * Decides while the limiter does not answer, by the limits that its last decisions named. A user that it has decided on continues from
 * what was left then, which refills as the limits say; any other starts full, with the limits of the last user of the same route and tier.
 * Without any such decision, nothing is admitted. Slots are not counted, since nobody reports when requests end.
 *
 * Each process counts by itself, and nothing decided here is charged later.
 */
import { amountsOf, amountIn, costOf } from "./cost.ts";
import type { Cost, Decision, LimitView, Operation } from "./types.ts";

/** Users with known limits, about 1 KB each. Beyond that, the oldest is forgotten, and starts full. */
const MAX_USERS = 10_000;
/** Combinations of route and tier. */
const MAX_KINDS = 1_000;

/** What the limiter said last. */
interface Heard {
  readonly decision: Decision;
  readonly atMs: number;
  /** Of an operation that names none. */
  readonly cost: Cost;
}

interface Counter {
  readonly remaining: number;
  readonly atMs: number;
  /** When the quota's period ends. */
  readonly endsAtMs: number;
}

interface Spent {
  readonly counters: ReadonlyMap<string, Counter>;
  /** When all of it has refilled, so that it may be forgotten. */
  readonly untilMs: number;
}

export class LocalLimits {
  readonly #users = new Map<string, Heard>();
  readonly #kinds = new Map<string, Heard>();
  readonly #spent = new Map<string, Spent>();

  /** The limiter has decided: it knows better than what was counted here. */
  learn(operation: Operation, decision: Decision, atMs: number): void {
    if (decision.source === "fallback" || decision.source === "none") return;
    const kind = kindOf(operation);
    const cost = operation.cost === undefined ? costOf(decision) : (this.#kinds.get(kind)?.cost ?? 1);
    const heard = { decision, atMs, cost };
    this.#spent.delete(operation.user);
    put(this.#users, `${operation.user}\n${kind}`, heard, MAX_USERS);
    if (isByLimits(decision)) put(this.#kinds, kind, heard, MAX_KINDS);
  }

  /** The last decision on this user, if it was not by limits: the account is blocked, say. */
  rejection(operation: Operation): Decision | null {
    const decision = this.#users.get(`${operation.user}\n${kindOf(operation)}`)?.decision;
    return decision && !isByLimits(decision) ? { ...decision, source: "fallback" } : null;
  }

  /** Null: nothing is known about such operations, or too many users have spent something here. */
  decide(operation: Operation, nowMs: number): Decision | null {
    const { user, peek } = operation;
    const kind = kindOf(operation);
    const own = this.#users.get(`${user}\n${kind}`);
    const heard = own ?? this.#kinds.get(kind);
    const before = this.#spent.get(user);
    if (!heard || (!before && this.#isFull(nowMs))) return null;
    const cost = operation.cost ?? this.#kinds.get(kind)?.cost ?? 1;
    const spent = new Map(before?.counters);
    let untilMs = before?.untilMs ?? nowMs;
    let retryAfterMs: number | null = 0;
    const violated: string[] = [];
    const charges = heard.decision.limits.filter((view) => view.kind !== "concurrency");
    const states = charges.map((view) => {
      const id = `${view.name}\n${view.limit}\n${view.windowMs}`;
      const counter = spent.get(id) ?? firstCounter(view, heard.atMs, own !== undefined);
      const { endsAtMs, remaining } = asOf(counter, view, nowMs);
      const left = round(remaining - amountIn(view, cost));
      if (left < 0) {
        violated.push(view.name);
        const waitMs = waitFor(view, amountIn(view, cost), remaining, endsAtMs - nowMs);
        retryAfterMs = waitMs === null || retryAfterMs === null ? null : Math.max(retryAfterMs, waitMs);
      }
      spent.set(id, { remaining: left, atMs: nowMs, endsAtMs });
      untilMs = Math.max(untilMs, view.kind === "quota" ? endsAtMs : nowMs + view.windowMs);
      return { view, remaining, left, endsAtMs };
    });
    const allowed = violated.length === 0;
    if (allowed && !peek && states.length > 0) this.#spent.set(user, { counters: spent, untilMs });
    return {
      outcome: allowed ? "allowed" : "denied",
      allowed,
      ...amountsOf(cost),
      limits: states.map(({ view, remaining, left, endsAtMs }) =>
        viewOf(view, allowed && !peek ? left : remaining, endsAtMs - nowMs),
      ),
      retryAfterMs,
      violated,
      source: "fallback",
      tier: heard.decision.tier,
      revision: heard.decision.revision,
      decisionId: crypto.randomUUID(),
    };
  }

  /** Dropping what a user has spent would admit it again. */
  #isFull(nowMs: number): boolean {
    if (this.#spent.size < MAX_USERS) return false;
    const [oldest] = this.#spent;
    if (!oldest || nowMs < oldest[1].untilMs) return true;
    this.#spent.delete(oldest[0]);
    return false;
  }
}

function kindOf({ route = "", tier = "" }: Operation): string {
  return `${route}\n${tier}`;
}

function isByLimits({ outcome }: Decision): boolean {
  return outcome === "allowed" || outcome === "denied";
}

function put<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > max) map.delete(map.keys().next().value ?? "");
}

function firstCounter({ limit, remaining, resetMs }: LimitView, atMs: number, isOwn: boolean): Counter {
  return { remaining: isOwn ? remaining : limit, atMs, endsAtMs: atMs + resetMs };
}

/** What is left now: a bucket refills, a quota is whole again when its period has ended. */
function asOf({ remaining, atMs, endsAtMs }: Counter, view: LimitView, nowMs: number): Counter {
  const { kind, limit, windowMs } = view;
  if (kind === "bucket") {
    const refilled = (Math.max(0, nowMs - atMs) * limit) / windowMs;
    return { remaining: round(Math.min(limit, remaining + refilled)), atMs: nowMs, endsAtMs };
  }
  if (nowMs < endsAtMs) return { remaining, atMs: nowMs, endsAtMs };
  const periods = Math.floor((nowMs - endsAtMs) / windowMs) + 1;
  return { remaining: limit, atMs: nowMs, endsAtMs: endsAtMs + periods * windowMs };
}

/** Until the limit holds the cost; null: never. */
function waitFor(
  { kind, limit, windowMs }: LimitView,
  cost: number,
  remaining: number,
  toEndMs: number,
): number | null {
  if (cost > limit) return null;
  return kind === "quota" ? toEndMs : Math.max(1, Math.ceil(((cost - remaining) * windowMs) / limit));
}

function viewOf(view: LimitView, remaining: number, toEndMs: number): LimitView {
  const { kind, limit, windowMs } = view;
  const missing = remaining < 1 ? Math.min(1, limit) - remaining : limit - remaining;
  const resetMs = kind === "quota" ? toEndMs : Math.ceil((missing * windowMs) / limit);
  return { ...view, remaining, resetMs };
}

/** Amounts are multiples of 0.001. Rounded down: never more than there is. */
function round(amount: number): number {
  return Math.floor(amount * 1_000 + 1e-6) / 1_000;
}
