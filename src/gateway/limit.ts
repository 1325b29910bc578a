/**
 * `limit()`: the Hono middleware that asks for a decision, answers where it is "no", and writes the limit headers where it
 * is "yes". The gateway is built on it, and other Workers can import it with a service binding to this one:
 *
 * ```ts
 * import { limit } from "edge-limiter/limit";
 * app.use("/reports/*", limit({ decide: (c) => c.env.EDGE_LIMITER.check({ user: c.get("user"), cost: 5 }) }));
 * ```
 */
import type { Context, Env as HonoEnv, MiddlewareHandler } from "hono";
import type { Decision } from "../core/decision.ts";
import { problem, unauthorized } from "./problem.ts";
import { rateLimitHeaders } from "./rate-limit-headers.ts";

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

/** Unavailable for a moment: what a client is told where nothing better is known. */
const RETRY_MS = 1_000;

/** Makes the middleware. It runs the handlers behind it only where the decision allows. */
export function limit<E extends HonoEnv>(options: LimitOptions<E>): MiddlewareHandler<E> {
  return async (c, next) => {
    const requestId = options.requestId?.(c) ?? crypto.randomUUID();
    const startedMs = performance.now();
    let decision: Decision | null;
    try {
      const deciding = options.decide(c);
      // An RPC's promise is no Promise.
      decision = deciding !== null && "then" in deciding ? await deciding : deciding;
    } catch {
      if (options.onFailure === "open") return next();
      return problem("temporary_reduced_capacity", "The limiter does not answer.", requestId, {
        retryAfterMs: RETRY_MS,
      });
    }
    if (decision === null) return next();
    const tookMs = performance.now() - startedMs;
    const timing = `limiter;dur=${tookMs.toFixed(1)};desc="${decision.source}"`;
    const xRateLimit = options.xRateLimit?.(c) ?? true;
    if (!decision.allowed) {
      const headers = rateLimitHeaders(decision, xRateLimit, Date.now());
      headers["Server-Timing"] = timing;
      c.res = refusal(decision, requestId, headers);
      return undefined;
    }
    await next();
    const headers = rateLimitHeaders(decision, xRateLimit, Date.now());
    try {
      setHeaders(c.res.headers, headers, timing, requestId);
    } catch {
      // What a handler fetched elsewhere has headers that cannot be changed.
      const response = new Response(c.res.body, c.res);
      // Else Hono would copy it once more, to lay the old headers over it.
      c.res = undefined;
      c.res = response;
      setHeaders(response.headers, headers, timing, requestId);
    }
    return undefined;
  };
}

/** @throws TypeError at the first header where headers are immutable. */
function setHeaders(
  headers: Headers,
  limits: Readonly<Record<string, string>>,
  timing: string,
  requestId: string,
): void {
  headers.set("X-Request-Id", requestId);
  // A handler may have timings of its own.
  headers.append("Server-Timing", timing);
  for (const name in limits) headers.set(name, limits[name] ?? "");
}

/** The answer to a request that may not pass. */
function refusal(decision: Decision, requestId: string, headers: Record<string, string>): Response {
  const { outcome, violated, retryAfterMs, cost } = decision;
  switch (outcome) {
    case "allowed":
      throw new Error("an allowed request is not refused");
    case "blocked":
      return problem("blocked", "This account is suspended.", requestId, { headers });
    case "revoked":
      return unauthorized("The API key has been revoked or has expired.", requestId, headers);
    case "unavailable":
      return problem("temporary_reduced_capacity", "The limiter does not answer at the moment.", requestId, {
        retryAfterMs: retryAfterMs ?? RETRY_MS,
        headers,
      });
    case "denied": {
      const names = violated.map((name) => `"${name}"`).join(", ");
      const detail =
        retryAfterMs === null
          ? `A request of cost ${cost} is more than ${names} ever holds.`
          : `${violated.length > 1 ? "The limits" : "The limit"} ${names} would be exceeded by this request (cost ${cost}). Wait as Retry-After says; a denied request costs nothing.`;
      return problem("quota_exceeded", detail, requestId, {
        "violated-policies": violated,
        retryAfterMs,
        headers,
      });
    }
  }
}
