/** Forwards an admitted request and returns the upstream's response, or the problem if there is none. */
import { statusClass } from "../analytics/decision-point.ts";
import { messageOf } from "../log.ts";
import { reportedTier } from "../edge/caller-tier.ts";
import { type Admitted, failed } from "./exchange.ts";
import { problem } from "../edge/problem.ts";
import { forward } from "./proxy.ts";
import { resolveUpstream } from "./upstream.ts";

export async function forwardRequest({ exchange, path, route, caller }: Admitted): Promise<Response> {
  const { services, request, env, policy, requestId, decision } = exchange;
  const upstream = resolveUpstream(route.upstream ?? services.settings.upstream, env);
  if (!upstream) {
    services.log("error", "upstream_missing", { requestId, route: route.id });
    failed(exchange, "upstream_error");
    return problem("upstream_error", "No upstream is configured for this route.", requestId);
  }
  const startedMs = performance.now();
  const result = await forward(request, {
    upstream,
    path,
    caller,
    tier: decision?.tier ?? reportedTier(caller, policy),
    requestId,
    timeoutMs: route.timeoutMs,
    forwardKey: route.forwardKey,
  });
  exchange.upstreamMs = performance.now() - startedMs;
  switch (result.kind) {
    case "response":
      exchange.upstreamStatus = statusClass(result.response.status);
      return result.response;
    case "timeout":
      failed(exchange, "upstream_timeout");
      services.log("warn", "upstream_timeout", { requestId, route: route.id, ms: route.timeoutMs });
      return problem("upstream_timeout", `The upstream did not answer in ${route.timeoutMs} ms.`, requestId);
    case "error":
      failed(exchange, "upstream_error");
      services.log("warn", "upstream_failed", { requestId, route: route.id, error: messageOf(result.error) });
      return problem("upstream_error", "The upstream could not be reached.", requestId);
  }
}
