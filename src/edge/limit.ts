/**
 * `limit()`: Hono middleware that asks for a decision, rejects the request if it is denied, and adds the limit headers if it is
 * allowed. Other Workers import it and bind this Worker as a service:
 *
 * ```ts
 * import { limit } from "edge-limiter/limit";
 * app.use("/reports/*", limit({ decide: (c) => c.env.EDGE_LIMITER.check({ user: c.get("user"), cost: 5 }) }));
 * ```
 */
import type { Context, Env as HonoEnv, MiddlewareHandler } from "hono";
import type { Decision } from "../core/decision.ts";
import { rejection, type ReportedDecision, withLimits } from "./decision-response.ts";
import { MISMATCH, problem, unavailable } from "./problem.ts";

export interface LimitOptions<E extends HonoEnv> {
  /** Asks for the decision about this request. Null: the request is exempt and gets no limit headers. */
  readonly decide: (c: Context<E>) => Promise<Decision | null> | Decision | null;
  /** Whether to send X-RateLimit-* as well. Default: false. */
  readonly xRateLimit?: (c: Context<E>) => boolean;
  /** Whether to send Server-Timing as well. Default: false. */
  readonly serverTiming?: (c: Context<E>) => boolean;
  /** The id in problems and the X-Request-Id header. Default: a random UUID. */
  readonly requestId?: (c: Context<E>) => string;
  /** If `decide` throws: reject with 503 (`closed`, the default), or admit without limit headers (`open`). */
  readonly onFailure?: "closed" | "open";
}

/** Makes the middleware. Handlers behind it run only for allowed requests. */
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
      return unavailable("The limiter is not responding.", requestId);
    }
    if (decision === null) return next();
    const reported: ReportedDecision = {
      decision,
      requestId,
      xRateLimit: options.xRateLimit?.(c) ?? false,
      serverTiming: options.serverTiming?.(c) ?? false,
      limiterMs: performance.now() - startedMs,
    };
    if (!decision.allowed) {
      // Assigned, not returned: Hono would keep a response that earlier middleware has set.
      c.res = rejection(reported);
      return undefined;
    }
    await next();
    const response = c.res;
    const limited = withLimits(response, reported);
    if (limited === response) return undefined;
    // Cleared first: otherwise Hono copies the response again to merge the old headers into it.
    c.res = undefined;
    c.res = limited;
    return undefined;
  };
}
