/**
 * The gateway: route, authenticate, limit, forward. Each step is a middleware that either answers or goes on.
 */
import { Hono } from "hono";
import { createMiddleware } from "hono/factory";
import type { DecisionRequest } from "../core/decision.ts";
import { messageOf } from "../log.ts";
import { isReserved } from "../policy/route-table.ts";
import type { AppEnv } from "./app-env.ts";
import { canonicalPath, pathToMatch } from "./canonical-path.ts";
import { limit } from "./limit.ts";
import { problem, unauthorized } from "./problem.ts";
import { forward } from "./proxy.ts";
import { withCaller, withCors, withPolicy } from "./steps.ts";
import { resolveUpstream } from "./upstream.ts";

const matchRoute = createMiddleware<AppEnv>(async (c, next) => {
  const { requestId, policy } = c.var;
  const path = canonicalPath(new URL(c.req.url).pathname);
  if (path === null) {
    return problem(
      "invalid_request",
      "The path is ambiguous: it has an empty segment, an encoded slash, a backslash or a stray percent sign.",
      requestId,
      { errors: [{ path: "", message: "the path is ambiguous" }] },
    );
  }
  // A reserved path that is spelt in another way is still not the policy's.
  const match = isReserved(path)
    ? ({ kind: "none" } as const)
    : policy.routes.match(c.req.method, pathToMatch(path));
  switch (match.kind) {
    case "route":
      c.set("route", match.route);
      c.set("path", path);
      return next();
    case "method-not-allowed":
      return problem("method_not_allowed", `This path takes ${match.allow.join(", ")}.`, requestId, {
        headers: { Allow: match.allow.join(", ") },
      });
    case "none":
      return problem("not_found", "No route of the policy matches this path.", requestId);
  }
});

const checkAccess = createMiddleware<AppEnv>(async (c, next) => {
  const { caller, route, requestId } = c.var;
  if (route.requiresCredential && caller.kind === "ip") {
    return unauthorized("This route requires an API key or a token.", requestId);
  }
  if (!caller.scopes.includes("call")) {
    return problem("forbidden", 'This API key has no scope "call".', requestId);
  }
  return next();
});

const limitRequest = limit<AppEnv>({
  requestId: (c) => c.var.requestId,
  xRateLimit: (c) => c.var.policy.xRateLimit,
  decide: async (c) => {
    const { services, policy, caller, route, requestId } = c.var;
    if (route.costMilli === 0 && route.limits.length === 0) return null;
    const request: DecisionRequest = {
      revision: policy.revision,
      tier: caller.tier ?? (caller.kind === "ip" ? policy.anonymousTier : policy.defaultTier),
      route: route.id,
      // The object prices the route by its own revision, which may be newer than this isolate's.
      costMilli: null,
      keyId: caller.keyId,
      peek: false,
      idempotencyKey: null,
    };
    const decision = await services.limiter.decide(caller.subject, request, policy, Date.now(), (work) =>
      c.executionCtx.waitUntil(work),
    );
    c.set("decision", decision);
    services.log(decision.allowed ? "debug" : "info", "decision", {
      requestId,
      user: caller.subject,
      route: route.id,
      outcome: decision.outcome,
      reason: decision.violated[0],
      source: decision.source,
    });
    return decision;
  },
});

/** Gives the slots of a concurrency limit back when the response has been sent, or has broken off. */
const releaseSlots = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { services, caller, decision } = c.var;
  const holds = decision?.holds ?? [];
  if (holds.length === 0) return;
  const release = (): Promise<void> => services.limiter.release(caller.subject, holds, Date.now());
  // A WebSocket outlives the request and cannot be watched from here: its slot frees itself.
  if (c.res.status === 101) return;
  if (!c.res.body) {
    c.executionCtx.waitUntil(release());
    return;
  }
  const { readable, writable } = new TransformStream();
  c.executionCtx.waitUntil(c.res.body.pipeTo(writable).then(release, release));
  c.res = new Response(readable, c.res);
});

const forwardRequest = createMiddleware<AppEnv>(async (c) => {
  const { services, policy, caller, route, path, requestId, decision } = c.var;
  const upstream = resolveUpstream(route.upstream ?? services.settings.upstream, c.env);
  if (!upstream) {
    services.log("error", "upstream_missing", { requestId, route: route.id });
    return problem("upstream_error", "No upstream is configured for this route.", requestId);
  }
  const result = await forward(c.req.raw, {
    upstream,
    path,
    caller,
    tier: decision?.tier ?? caller.tier ?? (caller.kind === "ip" ? policy.anonymousTier : policy.defaultTier),
    requestId,
    timeoutMs: route.timeoutMs,
    forwardKey: route.forwardKey,
  });
  switch (result.kind) {
    case "response":
      result.response.headers.set("X-Request-Id", requestId);
      return result.response;
    case "timeout":
      services.log("warn", "upstream_timeout", { requestId, route: route.id, ms: route.timeoutMs });
      return problem("upstream_timeout", `The upstream did not answer in ${route.timeoutMs} ms.`, requestId);
    case "error":
      services.log("warn", "upstream_failed", { requestId, route: route.id, error: messageOf(result.error) });
      return problem("upstream_error", "The upstream could not be reached.", requestId);
  }
});

/** Everything that is not reserved. */
export function gateway(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.use(withPolicy, withCors, matchRoute, withCaller, checkAccess, releaseSlots, limitRequest);
  app.all("*", forwardRequest);
  return app;
}
