/**
 * `limit()`: the Hono middleware that asks for a decision, answers where it is "no", and writes the limit headers where it
 * is "yes". Other Workers can import it with a service binding to this one:
 *
 * ```ts
 * import { limit } from "edge-limiter/limit";
 * app.use("/reports/*", limit({ decide: (c) => c.env.EDGE_LIMITER.check({ user: c.get("user"), cost: 5 }) }));
 * ```
 */
import type { Context, Env as HonoEnv, MiddlewareHandler } from "hono";
import type { Decision } from "../core/decision.ts";
import { type Decided, refusal, RETRY_MS, withLimits } from "./decision-response.ts";
import { MISMATCH, problem } from "./problem.ts";

export interface LimitOptions<E extends HonoEnv> {
  /** Asks for the decision about this request. Null: the request is exempt and gets no limit headers. */
  readonly decide: (c: Context<E>) => Promise<Decision | null> | Decision | null;
  /** Whether to send X-RateLimit-* as well. On where left out. */
  readonly xRateLimit?: (c: Context<E>) => boolean;
  /** The id that problems and the X-Request-Id header carry. A random one where left out. */
  readonly requestId?: (c: Context<E>) => string;
  /** What to do where `decide` throws: refuse with 503 (the default), or let the request pass without headers. */
  readonly onFailure?: "closed" | "open";
}

/** Makes the middleware. It runs the handlers behind it only where the decision allows. */
export function limit<E extends HonoEnv>(options: LimitOptions<E>): MiddlewareHandler<E> {
  return async (c, next) => {
    const requestId = options.requestId?.(c) ?? crypto.randomUUID();
    const startedMs = performance.now();
    let decision: Decision | null;
    try {
      decision = await options.decide(c);
    } catch (thrown) {
      // A reused idempotency key is the client's fault, not a failure of the limiter: it must not bypass the limiter.
      if (String(thrown).includes("idempotency_mismatch:")) {
        return problem("idempotency_mismatch", MISMATCH, requestId);
      }
      if (options.onFailure === "open") return next();
      return problem("temporary_reduced_capacity", "The limiter does not answer.", requestId, {
        retryAfterMs: RETRY_MS,
      });
    }
    if (decision === null) return next();
    const decided: Decided = {
      decision,
      requestId,
      xRateLimit: options.xRateLimit?.(c) ?? true,
      limiterMs: performance.now() - startedMs,
    };
    if (!decision.allowed) {
      // Not returned: Hono would keep what an earlier middleware has put there.
      c.res = refusal(decided);
      return undefined;
    }
    await next();
    const answer = c.res;
    const told = withLimits(answer, decided);
    if (told === answer) return undefined;
    // Else Hono would copy it once more, to lay the old headers over it.
    c.res = undefined;
    c.res = told;
    return undefined;
  };
}
