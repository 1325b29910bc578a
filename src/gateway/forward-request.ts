/** The gateway's answer to a request that may pass: the upstream's, or the problem that kept it from answering. */
import type { Context } from "hono";
import { messageOf } from "../log.ts";
import type { AppEnv } from "./app-env.ts";
import { type Exchange, tierOfCaller } from "./exchange.ts";
import { problem } from "./problem.ts";
import { forward } from "./proxy.ts";
import { resolveUpstream } from "./upstream.ts";

export async function forwardRequest(c: Context<AppEnv>, exchange: Exchange): Promise<Response> {
  const { services, caller, route, path, requestId, decision } = exchange;
  const upstream = resolveUpstream(route.upstream ?? services.settings.upstream, c.env);
  if (!upstream) {
    services.log("error", "upstream_missing", { requestId, route: route.id });
    return problem("upstream_error", "No upstream is configured for this route.", requestId);
  }
  const result = await forward(c.req.raw, {
    upstream,
    path,
    caller,
    tier: decision?.tier ?? tierOfCaller(exchange),
    requestId,
    timeoutMs: route.timeoutMs,
    forwardKey: route.forwardKey,
  });
  switch (result.kind) {
    case "response":
      return result.response;
    case "timeout":
      services.log("warn", "upstream_timeout", { requestId, route: route.id, ms: route.timeoutMs });
      return problem("upstream_timeout", `The upstream did not answer in ${route.timeoutMs} ms.`, requestId);
    case "error":
      services.log("warn", "upstream_failed", { requestId, route: route.id, error: messageOf(result.error) });
      return problem("upstream_error", "The upstream could not be reached.", requestId);
  }
}
