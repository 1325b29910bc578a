/** Forwards an admitted request and returns the upstream's response, or the problem if there is none. */
import { loadCache } from "../cache-module.ts";
import { reportedTier } from "../edge/caller-tier.ts";
import { problem } from "../edge/problem.ts";
import { messageOf } from "../log.ts";
import { loadTransform } from "../transform-module.ts";
import type { Transformed } from "./transform/transform.ts";
import { type Admitted, failed } from "./exchange.ts";
import { loadPools } from "../pool-module.ts";
import type { RouteCache } from "../policy/compiled.ts";
import type { Pool } from "../policy/pool.ts";
import { forward, type Forwarded, type RequestBody, type Upstream, UPLOAD_IDLE_MS } from "./proxy.ts";
import { inSpan, traceIdOf } from "./spans.ts";
import { isHeld } from "./settlement.ts";
import { type NoUpstream, resolveUpstream } from "./upstream.ts";
import { USAGE_COST_HEADER } from "./usage-cost.ts";

export async function forwardRequest(admitted: Admitted): Promise<Response> {
  const { exchange, route, caller } = admitted;
  const { services, request, policy, requestId, decision } = exchange;
  const tier = decision?.tier ?? reportedTier(caller, policy);
  const { transform } = route;
  const transformed = transform === null ? null : (await loadTransform())(admitted, transform, tier);
  if (transformed instanceof Response) return transformed;
  const startedMs = performance.now();
  const result = await inSpan("upstream", () => send(admitted, tier, transformed), exchange.context);
  exchange.upstreamMs = performance.now() - startedMs;
  const { timeoutMs, id } = route;
  const failure = () => ({
    requestId,
    traceId: traceIdOf(request.headers, exchange.context) ?? undefined,
    route: id,
  });
  switch (result.kind) {
    case "none":
      services.log("error", "upstream_missing", { requestId, route: id, error: result.detail });
      failed(exchange, "upstream_error");
      return problem("upstream_error", result.detail, requestId);
    case "response":
      exchange.upstreamCode = result.response.status;
      if (route.usage?.from === "header") {
        exchange.reportedCost = result.response.headers.get(USAGE_COST_HEADER);
        result.response.headers.delete(USAGE_COST_HEADER);
      }
      transformed?.changeResponse(result.response.headers);
      return result.response;
    case "cached":
      exchange.upstreamMs = 0;
      transformed?.changeResponse(result.response.headers);
      return result.response;
    case "timeout": {
      const ms = result.isUpload ? UPLOAD_IDLE_MS : timeoutMs;
      failed(exchange, "upstream_timeout");
      services.log("warn", "upstream_timeout", { ...failure(), ms });
      const detail = result.isUpload
        ? `The request's body made no progress for ${ms} ms: the client stopped sending, or the upstream stopped reading.`
        : `The upstream did not answer in ${ms} ms.`;
      return problem("upstream_timeout", detail, requestId);
    }
    case "broken-off":
      services.log("debug", "client_left", { requestId, route: id });
      return problem("invalid_request", "The body broke off.", requestId);
    case "bad-status":
      failed(exchange, "upstream_error");
      services.log("warn", "upstream_failed", { ...failure(), error: `status ${result.status}` });
      return problem(
        "upstream_error",
        `The upstream sent the status ${result.status}, which is not a final status of HTTP (200 to 599).`,
        requestId,
      );
    case "error":
      failed(exchange, "upstream_error");
      services.log("warn", "upstream_failed", { ...failure(), error: messageOf(result.error) });
      return problem("upstream_error", "The upstream could not be reached.", requestId);
  }
}

export type SendResult =
  | Forwarded
  | NoUpstream
  /** From the edge response cache: the upstream has not answered this request. */
  | { readonly kind: "cached"; readonly response: Response };

/** What is sent of an admitted request. */
export interface Sending {
  /** The caller's. */
  readonly tier: string;
  /** What the route changes of the request; null: nothing. */
  readonly transformed: Transformed | null;
  readonly request: Request;
  readonly body: ReadableStream<Uint8Array> | null;
  /** In place of the request's own headers (cache/shared-request.ts); null: those, and the caller's identity. */
  readonly headers: Headers | null;
  /** Whether the response will have limit headers of this gateway. */
  readonly hasLimits: boolean;
}

/** Sends the request to its upstream or its pool, or finds its response in the cache. */
function send(admitted: Admitted, tier: string, transformed: Transformed | null): Promise<SendResult> {
  const { exchange, route } = admitted;
  const { request, decision } = exchange;
  const { cache } = route;
  const sending: Sending = {
    tier,
    transformed,
    request,
    body: exchange.body ?? request.body,
    headers: null,
    hasLimits: decision !== null && decision.limits.length > 0,
  };
  return cache === null ? sendOn(admitted, sending) : sendCached(admitted, sending, cache);
}

async function sendCached(admitted: Admitted, sending: Sending, cache: RouteCache): Promise<SendResult> {
  const { serveCached } = await loadCache();
  return serveCached(admitted, cache, sending, (changed) => sendOn(admitted, changed));
}

/** Sends it to the upstream or the pool. */
function sendOn(admitted: Admitted, sending: Sending): Promise<SendResult> {
  const { exchange, route } = admitted;
  const { services, env } = exchange;
  if (route.pool !== null) return sendToPool(admitted, sending, route.pool);
  const upstream = resolveUpstream(route.upstream ?? services.settings.upstream, env);
  return upstream.kind === "none"
    ? Promise.resolve(upstream)
    : sendTo(admitted, sending, upstream, route.timeoutMs, sending.body);
}

/** Sends it to one upstream. Never rejects. */
function sendTo(
  { exchange, path, route, caller }: Admitted,
  { tier, transformed, request, headers, hasLimits }: Sending,
  upstream: Upstream,
  timeoutMs: number,
  body: RequestBody,
): Promise<Forwarded> {
  return forward(request, {
    upstream,
    path: transformed?.path ?? path,
    transformed,
    body,
    caller,
    tier,
    requestId: exchange.requestId,
    timeoutMs,
    forwardKey: route.forwardKey,
    ignoresCredential: route.ignoresCredential,
    forwardOverrides: route.forwardOverrides,
    hasLimits,
    // Its usage is read from its bytes.
    isUnencoded: route.usage !== null && route.usage.from !== "header",
    headers,
  });
}

/** Sends it to one target of the pool after the other, until one works. */
async function sendToPool(admitted: Admitted, sending: Sending, pool: Pool): Promise<Forwarded> {
  const { exchange, route, caller } = admitted;
  const { services, env, waitUntil } = exchange;
  const { request, body } = sending;
  const pools = await loadPools();
  return pools.sendToPool({
    services,
    pool,
    request,
    url: exchange.request.url,
    body,
    subject: caller.subject,
    forwardOverrides: route.forwardOverrides,
    changeRequest: sending.transformed?.changeRequest ?? null,
    isHeld: exchange.decision !== null && isHeld(exchange.decision),
    timeoutMs: route.timeoutMs,
    waitUntil,
    resolve: (url) => resolveUpstream(url, env),
    send: (upstream, timeoutMs, bytes) => sendTo(admitted, sending, upstream, timeoutMs, bytes),
  });
}
