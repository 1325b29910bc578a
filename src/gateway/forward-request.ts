/** Forwards an admitted request and returns the upstream's response, or the problem if there is none. */
import { reportedTier } from "../edge/caller-tier.ts";
import { problem } from "../edge/problem.ts";
import { messageOf } from "../log.ts";
import { type Admitted, failed } from "./exchange.ts";
import { forward, type Forwarding, UPLOAD_IDLE_MS } from "./proxy.ts";
import { inSpan, traceIdOf } from "./spans.ts";
import { resolveUpstream } from "./upstream.ts";
import { USAGE_COST_HEADER } from "./usage-cost.ts";

export async function forwardRequest({ exchange, path, route, caller }: Admitted): Promise<Response> {
  const { services, request, env, policy, requestId, decision } = exchange;
  const resolved = resolveUpstream(route.upstream ?? services.settings.upstream, env);
  if (resolved.kind === "none") {
    services.log("error", "upstream_missing", { requestId, route: route.id, error: resolved.detail });
    failed(exchange, "upstream_error");
    return problem("upstream_error", resolved.detail, requestId);
  }
  const startedMs = performance.now();
  const forwarding: Forwarding = {
    upstream: resolved,
    path,
    body: exchange.body ?? request.body,
    caller,
    tier: decision?.tier ?? reportedTier(caller, policy),
    requestId,
    timeoutMs: route.timeoutMs,
    forwardKey: route.forwardKey,
    ignoresCredential: route.ignoresCredential,
    forwardOverrides: route.forwardOverrides,
    hasLimits: decision !== null && decision.limits.length > 0,
    // Its usage is read from its bytes.
    isUnencoded: route.usage !== null && route.usage.from !== "header",
  };
  const result = await inSpan("upstream", () => forward(request, forwarding), exchange.context);
  exchange.upstreamMs = performance.now() - startedMs;
  const { timeoutMs, id } = route;
  const failure = () => ({
    requestId,
    traceId: traceIdOf(request.headers, exchange.context) ?? undefined,
    route: id,
  });
  switch (result.kind) {
    case "response":
      exchange.upstreamCode = result.response.status;
      if (route.usage?.from === "header") {
        exchange.reportedCost = result.response.headers.get(USAGE_COST_HEADER);
        result.response.headers.delete(USAGE_COST_HEADER);
      }
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
