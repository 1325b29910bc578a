/**
 * A limiter behind a `fetch` that tests control: one bucket of ten tokens for each user, which does not refill. It remembers idempotency keys
 * as the real one does (test/packages has the real one). `next` decides how the following calls fail.
 */
import type { Decision, Operation } from "../../packages/client/src/index.ts";

export const CAPACITY = 10;

/**
 * What becomes of a call: `dies` after it was decided, so that nobody gets the answer; `unreachable` before; `hangs` for good; or a status
 * with headers and a body.
 */
export type Fate =
  | "dies"
  | "unreachable"
  | "hangs"
  | { status: number; headers?: Record<string, string>; body?: string };

interface Call {
  readonly url: string;
  readonly headers: Headers;
  readonly operations: readonly Operation[];
}

export class FakeLimiter {
  /** How the next calls end. Those after them are answered. */
  readonly next: Fate[] = [];
  readonly calls: Call[] = [];
  /** Of every decision. */
  changes: Partial<Decision> = {};
  readonly #left = new Map<string, number>();
  readonly #remembered = new Map<string, Decision>();

  /** What has been charged to the user. */
  charged(user: string): number {
    return CAPACITY - (this.#left.get(user) ?? CAPACITY);
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const body: unknown = typeof init?.body === "string" ? JSON.parse(init.body) : [];
    const operations: Operation[] = Array.isArray(body) ? body : [];
    this.calls.push({ url: String(input), headers: new Headers(init?.headers), operations });
    const fate = this.next.shift();
    if (fate === "unreachable") throw new TypeError("fetch failed");
    if (fate === "hangs") {
      return new Promise((_, reject) => {
        init?.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
      });
    }
    if (typeof fate === "object") return new Response(fate.body ?? "", fate);
    const items = operations.map((operation) => this.#item(operation));
    if (fate === "dies") throw new TypeError("terminated");
    return Response.json(items);
  };

  #item(operation: Operation): unknown {
    const { user, cost = 1, idempotencyKey, peek } = operation;
    if (user.includes(" ")) {
      return { error: { code: "invalid_request", errors: [{ path: "/user", message: "is not valid" }] } };
    }
    const known = idempotencyKey === undefined ? undefined : this.#remembered.get(idempotencyKey);
    if (known) return { ...known, replayed: true };
    const amount = typeof cost === "number" ? cost : (cost["requests"] ?? 0);
    const left = this.#left.get(user) ?? CAPACITY;
    const allowed = amount <= left;
    if (allowed && !peek) this.#left.set(user, left - amount);
    const decision = decided({
      outcome: allowed ? "allowed" : "denied",
      allowed,
      cost: amount,
      limits: [bucket(allowed && !peek ? left - amount : left)],
      retryAfterMs: allowed ? 0 : 700,
      violated: allowed ? [] : ["minute"],
      ...this.changes,
    });
    if (allowed && idempotencyKey !== undefined && !peek) this.#remembered.set(idempotencyKey, decision);
    return decision;
  }
}

/** A minute's bucket of {@link CAPACITY}. */
export function bucket(remaining: number): Decision["limits"][number] {
  const windowMs = 60_000;
  return {
    name: "minute",
    kind: "bucket",
    limit: CAPACITY,
    remaining,
    resetMs: 6_000 * (CAPACITY - remaining),
    windowMs,
  };
}

export function decided(changes: Partial<Decision> = {}): Decision {
  return {
    outcome: "allowed",
    allowed: true,
    cost: 1,
    limits: [],
    retryAfterMs: 0,
    violated: [],
    source: "strict",
    tier: "free",
    revision: 1,
    decisionId: "55393f1e-d649-457d-986e-e3434baf9f67",
    ...changes,
  };
}
