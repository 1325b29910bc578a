/**
 * `limit()`: Hono middleware that asks for a decision, rejects the request if it is denied, and adds the limit headers if it is allowed.
 *
 * ```ts
 * app.use("/reports/*", limit({ decide: (c) => c.env.EDGE_LIMITER.check({ user: c.get("user"), cost: 5 }) }));
 * ```
 */
import type { Context, Env, MiddlewareHandler } from "hono";
import { dispose } from "./dispose.ts";
import { MISMATCH, problem, rejection, setLimits } from "./rejection.ts";
import type { Decision, Reservation } from "./types.ts";

export interface LimitOptions<E extends Env> {
  /** Asks for the decision about this request: a service binding, or an `EdgeLimiter`. Null: the request is exempt. */
  readonly decide: (c: Context<E>) => Promise<Decision | null> | Decision | null;
  /**
   * Settles a reservation that the decision made (one that takes slots always does). Called once, when the response has been sent or its
   * client has left. Without it, what was reserved stays charged, and slots are free when the reservation expires.
   */
  readonly settle?: (c: Context<E>, reservation: Reservation, decision: Decision) => Promise<unknown>;
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
export function limit<E extends Env>(options: LimitOptions<E>): MiddlewareHandler<E> {
  return async (c, next) => {
    const requestId = options.requestId?.(c) ?? crypto.randomUUID();
    const startedMs = performance.now();
    let decision: Decision | null;
    try {
      decision = await options.decide(c);
    } catch (thrown) {
      // A reused idempotency key is the client's fault, not a failure of the limiter: it must not bypass the limiter.
      if (String(thrown).includes("idempotency_mismatch:")) {
        return problem(422, "idempotency_mismatch", MISMATCH, requestId);
      }
      if (options.onFailure === "open") return next();
      return rejection(UNAVAILABLE, requestId);
    }
    if (decision === null) return next();
    const decided = decision;
    dispose(decided);
    const limiterMs = performance.now() - startedMs;
    const write = (headers: Headers): void => {
      headers.set("X-Request-Id", requestId);
      if (options.serverTiming?.(c)) {
        // Appended: a handler may have set its own timings.
        headers.append("Server-Timing", `limiter;dur=${limiterMs.toFixed(1)};desc="${decided.source}"`);
      }
      setLimits(headers, decided, options.xRateLimit?.(c) ?? false);
    };
    if (!decided.allowed) {
      const response = rejection(decided, requestId);
      write(response.headers);
      // Assigned, not returned: Hono would keep a response that earlier middleware has set.
      c.res = response;
      return undefined;
    }
    const { reservation } = decided;
    const settle = reservation && options.settle && (() => options.settle?.(c, reservation, decided));
    try {
      await next();
    } catch (thrown) {
      if (settle) keepAlive(c, settle());
      throw thrown;
    }
    const limited = withHeaders(c.res, write);
    const response = settle ? settledAtEnd(c, limited, settle) : limited;
    if (response === c.res) return undefined;
    // Cleared first: otherwise Hono copies the response again to merge the old headers into it.
    c.res = undefined;
    c.res = response;
    return undefined;
  };
}

/** What `rejection` needs of a decision that nobody made. */
const UNAVAILABLE = { outcome: "unavailable", retryAfterMs: null } as const;

/** The same response, or a copy if its headers are immutable: a handler may return one that it fetched. */
function withHeaders(response: Response, write: (headers: Headers) => void): Response {
  try {
    write(response.headers);
    return response;
  } catch {
    const copy = new Response(response.body, response);
    write(copy.headers);
    return copy;
  }
}

/** The same response, whose end settles. */
function settledAtEnd<E extends Env>(
  c: Context<E>,
  response: Response,
  settle: () => Promise<unknown> | undefined,
): Response {
  if (!response.body) {
    keepAlive(c, settle());
    return response;
  }
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  // Rejected if the client leaves or the body fails: that is an end, too.
  const ended = response.body.pipeTo(writable).catch(() => undefined);
  keepAlive(c, ended.then(settle));
  return new Response(readable, response);
}

/** A Worker ends work of its own when the response has been sent, unless it is told to wait. */
function keepAlive<E extends Env>(c: Context<E>, work: Promise<unknown> | undefined): void {
  const quiet = Promise.resolve(work).catch(() => undefined);
  try {
    c.executionCtx.waitUntil(quiet);
  } catch {
    // Not in a Worker: nothing ends it.
  }
}
