/**
 * The gateway: route, authenticate, limit, answer. One function after the other, in the order of the file; each either answers
 * or goes on.
 *
 * Every request of every user runs through here: nothing is parsed, looked up or allocated twice (docs/performance.md has what
 * each step costs).
 */
import { type Context, type Handler, Hono } from "hono";
import { resultOf } from "../analytics/decision-point.ts";
import type { Keep } from "../analytics/recorder.ts";
import type { Decision, DecisionRequest } from "../core/decision.ts";
import { authenticate } from "../identity/authenticate.ts";
import { isReserved, type RouteMatch } from "../policy/route-table.ts";
import type { AppEnv } from "./app-env.ts";
import { canonicalPath, pathToMatch } from "./canonical-path.ts";
import { type Exchange, type Seen, tierOfCaller } from "./exchange.ts";
import { forwardRequest } from "./forward-request.ts";
import { limit } from "./limit.ts";
import { problem, unauthorized } from "./problem.ts";
import { recordRequest } from "./record-request.ts";
import { releaseSlots } from "./release-slots.ts";
import type { Services } from "./services.ts";
import { pathnameOf } from "./url-parts.ts";
import { answerCors, credentialProblem, noPolicy } from "./steps.ts";

/** Answers what may pass. */
export type Answer = (c: Context<AppEnv>, exchange: Exchange) => Promise<Response> | Response;

/** Everything that is not reserved. `answer` is the upstream, where it is left out. */
export function gateway(services: Services, answer: Answer = forwardRequest): Hono<AppEnv> {
  const handle: Handler<AppEnv> = async (c) => {
    const requestId = crypto.randomUUID();
    c.set("requestId", requestId);
    const nowMs = Date.now();
    const keep: Keep = (work) => c.executionCtx.waitUntil(work);
    const policy = await services.policies.current(nowMs, keep);
    if (!policy) {
      services.recorder.flush(keep);
      return noPolicy(requestId);
    }
    const seen: Seen = {
      route: null,
      caller: null,
      decision: null,
      reason: "internal_error",
      failed: true,
      limiterMs: 0,
      upstreamMs: 0,
      upstreamStatus: "none",
    };
    try {
      const route = (): Promise<Response> => routed(c, { services, requestId, policy, seen }, answer);
      return await (policy.cors ? answerCors(c, policy.cors, route) : route());
    } finally {
      recordRequest(c.req.raw, services, policy, requestId, seen, nowMs, keep);
    }
  };
  // The only handler of its path, so that Hono calls it without a chain of middleware around it.
  return new Hono<AppEnv>().all("*", handle);
}

type Arrived = Pick<Exchange, "services" | "requestId" | "policy" | "seen">;

/** Finds the route and the caller, and whether he may take it. */
async function routed(c: Context<AppEnv>, arrived: Arrived, answer: Answer): Promise<Response> {
  const { services, requestId, policy, seen } = arrived;
  const refused = (reason: string, response: Response): Response => {
    seen.reason = reason;
    seen.failed = false;
    return response;
  };
  const path = canonicalPath(pathnameOf(c.req.url));
  if (path === null) return refused("invalid_request", ambiguous(requestId));
  // A reserved path that is spelt in another way is still not the policy's.
  const match: RouteMatch = isReserved(path)
    ? { kind: "none" }
    : policy.routes.match(c.req.method, pathToMatch(path));
  if (match.kind === "none") {
    return refused("not_found", problem("not_found", "No route of the policy matches this path.", requestId));
  }
  if (match.kind === "method-not-allowed") {
    const Allow = match.allow.join(", ");
    const response = problem("method_not_allowed", `This path takes ${Allow}.`, requestId, {
      headers: { Allow },
    });
    return refused("method_not_allowed", response);
  }
  const { route } = match;
  seen.route = route;
  const authenticating = authenticate(c.req.raw.headers, services.credentials, Date.now());
  const authenticated = "then" in authenticating ? await authenticating : authenticating;
  if (authenticated.kind !== "caller") {
    seen.reason = authenticated.kind === "invalid" ? "unauthenticated" : "credentials_unavailable";
    seen.failed = authenticated.kind !== "invalid";
    return credentialProblem(authenticated, services, requestId);
  }
  const { caller } = authenticated;
  seen.caller = caller;
  if (route.requiresCredential && caller.kind === "ip") {
    const response = unauthorized("This route requires an API key or a token.", requestId);
    return refused("unauthenticated", response);
  }
  if (!caller.scopes.includes("call")) {
    return refused("forbidden", problem("forbidden", 'This API key has no scope "call".', requestId));
  }
  const exchange: Exchange = { services, requestId, policy, path, route, caller, seen };
  c.set("exchange", exchange);
  await limitRequest(c, async () => {
    seen.reason = null;
    c.res = await answer(c, exchange);
  });
  return releaseSlots(c, exchange);
}

const limitRequest = limit<AppEnv>({
  requestId: (c) => c.get("requestId"),
  xRateLimit: (c) => c.get("exchange").policy.xRateLimit,
  decide: (c) => {
    const exchange = c.get("exchange");
    const { services, policy, caller, route } = exchange;
    if (route.costMilli === 0 && route.limits.length === 0) return null;
    const request: DecisionRequest = {
      revision: policy.revision,
      tier: tierOfCaller(caller, policy),
      route: route.id,
      // The object prices the route by its own revision, which may be newer than this isolate's.
      costMilli: null,
      keyId: caller.keyId,
      peek: false,
      idempotencyKey: null,
    };
    const startedMs = performance.now();
    const deciding = services.limiter.decide(caller.subject, request, policy, Date.now(), (work) =>
      c.executionCtx.waitUntil(work),
    );
    const decided = (decision: Decision): Decision => noteDecision(exchange, decision, startedMs);
    return "then" in deciding ? deciding.then(decided) : decided(deciding);
  },
});

function noteDecision(
  { services, caller, route, requestId, seen }: Exchange,
  decision: Decision,
  startedMs: number,
) {
  seen.limiterMs = performance.now() - startedMs;
  seen.decision = decision;
  seen.reason = null;
  if (!decision.allowed || services.settings.logLevel === "debug") {
    services.log(decision.allowed ? "debug" : "info", "decision", {
      requestId,
      user: caller.subject,
      route: route.id,
      outcome: decision.outcome,
      reason: resultOf(decision)[1],
      source: decision.source,
      ms: seen.limiterMs,
    });
  }
  return decision;
}

function ambiguous(requestId: string): Response {
  const detail =
    "The path is ambiguous: it has an empty segment, an encoded slash, a backslash or a stray percent sign.";
  const errors = [{ path: "", message: "the path is ambiguous" }];
  return problem("invalid_request", detail, requestId, { errors });
}
