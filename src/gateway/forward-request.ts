/** The gateway's answer to a request that may pass: the upstream's, or the problem that kept it from answering. */
import type { Context } from "hono";
import { statusClass } from "../analytics/decision-point.ts";
import { messageOf } from "../log.ts";
import type { AppEnv } from "./app-env.ts";
import { type Exchange, type Seen, tierOfCaller } from "./exchange.ts";
import { problem } from "./problem.ts";
import { forward } from "./proxy.ts";
import { resolveUpstream } from "./upstream.ts";

export async function forwardRequest(c: Context<AppEnv>, exchange: Exchange): Promise<Response> {
  const { services, policy, caller, route, path, requestId, seen } = exchange;
  const upstream = resolveUpstream(route.upstream ?? services.settings.upstream, c.env);
  if (!upstream) {
    services.log("error", "upstream_missing", { requestId, route: route.id });
    failed(seen, "upstream_error");
    return problem("upstream_error", "No upstream is configured for this route.", requestId);
  }
  const startedMs = performance.now();
  const result = await forward(c.req.raw, {
    upstream,
    path,
    caller,
    tier: seen.decision?.tier ?? tierOfCaller(caller, policy),
    requestId,
    timeoutMs: route.timeoutMs,
    forwardKey: route.forwardKey,
  });
  seen.upstreamMs = performance.now() - startedMs;
  switch (result.kind) {
    case "response":
      seen.upstreamStatus = statusClass(result.response.status);
      return result.response;
    case "timeout":
      failed(seen, "upstream_timeout");
      services.log("warn", "upstream_timeout", { requestId, route: route.id, ms: route.timeoutMs });
      return problem("upstream_timeout", `The upstream did not answer in ${route.timeoutMs} ms.`, requestId);
    case "error":
      failed(seen, "upstream_error");
      services.log("warn", "upstream_failed", { requestId, route: route.id, error: messageOf(result.error) });
      return problem("upstream_error", "The upstream could not be reached.", requestId);
  }
}

function failed(seen: Seen, reason: string): void {
  seen.reason = reason;
  seen.failed = true;
}
