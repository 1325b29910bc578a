/**
 * The gateway: route, authenticate, limit, answer. One function after the other, in the order of the file; each either answers
 * or goes on.
 *
 * Every request of every user runs through here: nothing is parsed, looked up or allocated twice (docs/performance.md has what
 * each step costs).
 */
import { type Context, type Handler, Hono } from "hono";
import type { DecisionRequest } from "../core/decision.ts";
import { authenticate } from "../identity/authenticate.ts";
import { isReserved, type RouteMatch } from "../policy/route-table.ts";
import type { AppEnv } from "./app-env.ts";
import { canonicalPath, pathToMatch } from "./canonical-path.ts";
import { type Exchange, tierOfCaller } from "./exchange.ts";
import { forwardRequest } from "./forward-request.ts";
import { limit } from "./limit.ts";
import { problem, unauthorized } from "./problem.ts";
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
    const policy = await services.policies.current(Date.now(), (work) => c.executionCtx.waitUntil(work));
    if (!policy) return noPolicy(requestId);
    const route = (): Promise<Response> => routed(c, { services, requestId, policy }, answer);
    return policy.cors ? answerCors(c, policy.cors, route) : route();
  };
  // The only handler of its path, so that Hono calls it without a chain of middleware around it.
  return new Hono<AppEnv>().all("*", handle);
}

type Arrived = Pick<Exchange, "services" | "requestId" | "policy">;

/** Finds the route and the caller, and whether he may take it. */
async function routed(c: Context<AppEnv>, arrived: Arrived, answer: Answer): Promise<Response> {
  const { services, requestId, policy } = arrived;
  const path = canonicalPath(pathnameOf(c.req.url));
  if (path === null) return ambiguous(requestId);
  // A reserved path that is spelt in another way is still not the policy's.
  const match: RouteMatch = isReserved(path)
    ? { kind: "none" }
    : policy.routes.match(c.req.method, pathToMatch(path));
  if (match.kind === "none") {
    return problem("not_found", "No route of the policy matches this path.", requestId);
  }
  if (match.kind === "method-not-allowed") {
    const Allow = match.allow.join(", ");
    return problem("method_not_allowed", `This path takes ${Allow}.`, requestId, { headers: { Allow } });
  }
  const { route } = match;
  const authenticated = await authenticate(c.req.raw.headers, services.credentials, Date.now());
  if (authenticated.kind !== "caller") return credentialProblem(authenticated, services, requestId);
  const { caller } = authenticated;
  if (route.requiresCredential && caller.kind === "ip") {
    return unauthorized("This route requires an API key or a token.", requestId);
  }
  if (!caller.scopes.includes("call")) {
    return problem("forbidden", 'This API key has no scope "call".', requestId);
  }
  const exchange: Exchange = { services, requestId, policy, path, route, caller, decision: null };
  c.set("exchange", exchange);
  await limitRequest(c, async () => {
    c.res = await answer(c, exchange);
  });
  return releaseSlots(c, exchange);
}

const limitRequest = limit<AppEnv>({
  requestId: (c) => c.get("requestId"),
  xRateLimit: (c) => c.get("exchange").policy.xRateLimit,
  decide: async (c) => {
    const exchange = c.get("exchange");
    const { services, policy, caller, route, requestId } = exchange;
    if (route.costMilli === 0 && route.limits.length === 0) return null;
    const request: DecisionRequest = {
      revision: policy.revision,
      tier: tierOfCaller(exchange),
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
    exchange.decision = decision;
    if (!decision.allowed || services.settings.logLevel === "debug") {
      services.log(decision.allowed ? "debug" : "info", "decision", {
        requestId,
        user: caller.subject,
        route: route.id,
        outcome: decision.outcome,
        reason: decision.violated[0],
        source: decision.source,
      });
    }
    return decision;
  },
});

function ambiguous(requestId: string): Response {
  const detail =
    "The path is ambiguous: it has an empty segment, an encoded slash, a backslash or a stray percent sign.";
  const errors = [{ path: "", message: "the path is ambiguous" }];
  return problem("invalid_request", detail, requestId, { errors });
}
