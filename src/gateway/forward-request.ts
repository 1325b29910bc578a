/** Forwards an admitted request and returns the upstream's response, or the problem if there is none. */
import { loadCache } from "../cache-module.ts";
import { reportedTier } from "../edge/caller-tier.ts";
import { problem } from "../edge/problem.ts";
import { messageOf } from "../log.ts";
import { type Admitted, failed } from "./exchange.ts";
import { loadPools } from "../pool-module.ts";
import type { RouteCache } from "../policy/compiled.ts";
import type { Pool } from "../policy/pool.ts";
import { forward, type Forwarded, type RequestBody, type Upstream, UPLOAD_IDLE_MS } from "./proxy.ts";
import { inSpan, traceIdOf } from "./spans.ts";
import { type NoUpstream, resolveUpstream } from "./upstream.ts";
import { USAGE_COST_HEADER } from "./usage-cost.ts";

export async function forwardRequest(admitted: Admitted): Promise<Response> {
  const { exchange, route } = admitted;
  const { services, request, requestId } = exchange;
  const startedMs = performance.now();
  const result = await inSpan("upstream", () => send(admitted), exchange.context);
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
      return result.response;
    case "cached":
      exchange.upstreamMs = 0;
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
  readonly request: Request;
  readonly body: ReadableStream<Uint8Array> | null;
  /** In place of the request's own headers (cache/shared-request.ts); null: those, and the caller's identity. */
  readonly headers: Headers | null;
  /** Whether the response will have limit headers of this gateway. */
  readonly hasLimits: boolean;
}

/** Sends the request to its upstream or its pool, or finds its response in the cache. */
function send(admitted: Admitted): Promise<SendResult> {
  const { exchange, route } = admitted;
  const { request, decision } = exchange;
  const { cache } = route;
  if (cache !== null) return sendCached(admitted, cache);
  return sendOn(admitted, {
    request,
    body: exchange.body ?? request.body,
    headers: null,
    hasLimits: decision !== null && decision.limits.length > 0,
  });
}

async function sendCached(admitted: Admitted, cache: RouteCache): Promise<SendResult> {
  const { exchange, caller } = admitted;
  const tier = exchange.decision?.tier ?? reportedTier(caller, exchange.policy);
  return (await loadCache()).serveCached(admitted, cache, tier, (sending) => sendOn(admitted, sending));
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
  { request, headers, hasLimits }: Sending,
  upstream: Upstream,
  timeoutMs: number,
  body: RequestBody,
): Promise<Forwarded> {
  const { policy, requestId, decision } = exchange;
  return forward(request, {
    upstream,
    path,
    body,
    caller,
    tier: decision?.tier ?? reportedTier(caller, policy),
    requestId,
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
    timeoutMs: route.timeoutMs,
    waitUntil,
    resolve: (url) => resolveUpstream(url, env),
    send: (upstream, timeoutMs, bytes) => sendTo(admitted, sending, upstream, timeoutMs, bytes),
  });
}
