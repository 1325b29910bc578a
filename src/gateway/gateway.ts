/**
 * The gateway: route, authenticate, limit, answer. One function per step, in the order of the file; each either responds or calls
 * the next.
 *
 * Every request of every user runs through here: nothing is parsed, looked up or allocated twice, and no value that is already
 * there is awaited (docs/performance.md has the cost of each step).
 */
import { andThen } from "../and-then.ts";
import type { WaitUntil } from "../wait-until.ts";
import type { Decision, DecisionRequest } from "../core/decision.ts";
import { anonymous } from "../identity/authenticate.ts";
import { messageOf } from "../log.ts";
import type { Route } from "../policy/compiled.ts";
import { isReserved, type RouteMatch } from "../policy/route-table.ts";
import { applyCallerRules, applyRules, tierByRules } from "./apply-rules.ts";
import { canonicalPath, pathToMatch } from "./canonical-path.ts";
import { answerCors, answerPreflight, isPreflight } from "../edge/cors.ts";
import { rejection, type ReportedDecision, withLimits } from "../edge/decision-response.ts";
import { tierOfCaller } from "../edge/caller-tier.ts";
import { type Admitted, arrival, type Exchange, failed } from "./exchange.ts";
import { forwardRequest } from "./forward-request.ts";
import { problem, unauthorized, unhandled } from "../edge/problem.ts";
import { hopsOf, MAX_HOPS } from "./hops.ts";
import { logDecision } from "./log-decision.ts";
import { withNotices } from "./notices.ts";
import { isUpstreamPreflight, preflightMatch } from "./preflight.ts";
import { hasLostContent } from "./proxy.ts";
import { spanOf, type TracedContext } from "./spans.ts";
import { ambiguous, brokenOff, looping, misspelt, turnedAway, unsendable } from "./turned-away.ts";
import { recordNoPolicy, recordRequest } from "./record-request.ts";
import { type ReservedCost, reservedCost } from "./reserved-cost.ts";
import type { Services } from "../edge/services.ts";
import { giveBackAtEnd, isHeld, keepUntilAnswered } from "./settlement.ts";
import { type Identification, identify, isFlood } from "../edge/shields.ts";
import { credentialProblem, flood, FLOODING, noPolicy } from "../edge/steps.ts";
import { pathnameOf } from "../edge/url-parts.ts";

/** Handles an admitted request. */
export type Handler = (admitted: Admitted) => Promise<Response> | Response;

/** A Worker's `fetch`. */
export type Fetch = (
  request: Request,
  env: Env,
  ctx: Pick<ExecutionContext, "waitUntil"> & TracedContext,
) => Promise<Response>;

/**
 * Responds to every path that is not reserved. Never rejects. By default, admitted requests go to their upstream.
 * @param answersCors whether the policy's CORS rules apply. If not, preflights are handled as if the policy had none.
 */
export function gateway(services: Services, handle: Handler = forwardRequest, answersCors = true): Fetch {
  return async (request, env, ctx) => {
    const requestId = crypto.randomUUID();
    const atMs = Date.now();
    const waitUntil: WaitUntil = (work) => ctx.waitUntil(work);
    let exchange: Exchange | null = null;
    try {
      const found = services.policies.current(atMs, waitUntil);
      const policy = found instanceof Promise ? await found : found;
      const cors = (answersCors && policy?.cors) || null;
      if (!policy) {
        recordNoPolicy(services, request, requestId, atMs, waitUntil);
        return noPolicy(requestId);
      }
      if (cors && isPreflight(request)) {
        services.recorder.flush(waitUntil);
        return await answerPreflight(request, cors);
      }
      const arrived = arrival(services, request, env, ctx, waitUntil, requestId, policy, atMs);
      exchange = arrived;
      const response = cors
        ? answerCors(request, cors, () => routed(arrived, handle))
        : routed(arrived, handle);
      return response instanceof Promise ? await response : response;
    } catch (thrown) {
      if (exchange) failed(exchange, "internal_error");
      services.log("error", "unhandled", { requestId, error: messageOf(thrown) });
      return unhandled(requestId);
    } finally {
      if (exchange) recordRequest(exchange);
    }
  };
}

/** Finds the route. */
function routed(exchange: Exchange, handle: Handler): Response | Promise<Response> {
  const { services, request, requestId, policy } = exchange;
  const path = canonicalPath(pathnameOf(request.url));
  if (path === null) return turnedAway(exchange, "invalid_request", ambiguous(requestId));
  // With CORS rules that apply, no preflight gets here.
  const asPreflight = isUpstreamPreflight(request);
  // Another spelling of a reserved path is reserved too.
  const match: RouteMatch = isReserved(path)
    ? { kind: "none" }
    : asPreflight
      ? preflightMatch(policy.routes, request.headers, pathToMatch(path))
      : policy.routes.match(request.method, pathToMatch(path));
  if (match.kind === "ambiguous") return turnedAway(exchange, "invalid_request", misspelt(requestId));
  if (match.kind === "none") {
    const response = problem("not_found", "No route of the policy matches this path.", requestId);
    return turnedAway(exchange, "not_found", response);
  }
  if (match.kind === "method-not-allowed") {
    const Allow = match.allow.join(", ");
    const response = problem("method_not_allowed", `This path takes ${Allow}.`, requestId, {
      headers: { Allow },
    });
    return turnedAway(exchange, "method_not_allowed", response);
  }
  const { route } = match;
  exchange.route = route;
  if (hopsOf(request.headers) >= MAX_HOPS) return turnedAway(exchange, "loop_detected", looping(requestId));
  const isScreened = policy.rules !== null || services.shields !== null;
  const response = isScreened
    ? screened(exchange, route, path, asPreflight, handle)
    : onward(exchange, route, path, asPreflight, handle);
  const { notices } = route;
  return notices === null ? response : andThen(response, (found) => withNotices(found, notices));
}

/** Applies the rules that need no caller, and the flood shield, from which a rule may exempt a request. */
function screened(
  exchange: Exchange,
  route: Route,
  path: string,
  asPreflight: boolean,
  handle: Handler,
): Response | Promise<Response> {
  const { services, request, requestId, policy, atMs } = exchange;
  const rejected = policy.rules === null ? null : applyRules(exchange, policy.rules);
  return andThen(rejected, (response) => {
    if (response) return response;
    if (exchange.rule?.action === "allow") return onward(exchange, route, path, asPreflight, handle);
    return andThen(isFlood(request.headers, services, atMs), (isOver) =>
      isOver
        ? turnedAway(exchange, "flood", flood(FLOODING, requestId))
        : onward(exchange, route, path, asPreflight, handle),
    );
  });
}

function onward(
  exchange: Exchange,
  route: Route,
  path: string,
  asPreflight: boolean,
  handle: Handler,
): Response | Promise<Response> {
  return asPreflight
    ? preflight(exchange, route, path, handle)
    : authenticated(exchange, route, path, handle);
}

/** Forwards a preflight without authentication, limits and charge: browsers send it without a credential. */
function preflight(
  exchange: Exchange,
  route: Route,
  path: string,
  handle: Handler,
): Response | Promise<Response> {
  const caller = anonymous(exchange.request.headers);
  exchange.caller = caller;
  const rejected = applyCallerRules(exchange, caller);
  if (rejected) return rejected;
  // Nothing may make the upstream handle more than a preflight.
  return exempt({ exchange, path, route: { ...route, forwardOverrides: false }, caller }, handle);
}

/** Identifies the caller. */
function authenticated(
  exchange: Exchange,
  route: Route,
  path: string,
  handle: Handler,
): Response | Promise<Response> {
  const { services, request, requestId, waitUntil } = exchange;
  return andThen(hasLostContent(request), (isLost) => {
    if (isLost) return turnedAway(exchange, "invalid_request", unsendable(request, requestId));
    if (route.ignoresCredential) {
      return identified(
        exchange,
        route,
        path,
        { kind: "caller", caller: anonymous(request.headers) },
        handle,
      );
    }
    return andThen(identify(request.headers, services, Date.now(), waitUntil), (result) =>
      identified(exchange, route, path, result, handle),
    );
  });
}

/** The reasons of requests without a caller. */
const UNIDENTIFIED = {
  invalid: "unauthenticated",
  unavailable: "credentials_unavailable",
  shielded: "credential_flood",
} as const;

/** Checks that the caller may use the route. */
function identified(
  exchange: Exchange,
  route: Route,
  path: string,
  result: Identification,
  handle: Handler,
): Response | Promise<Response> {
  const { services, requestId } = exchange;
  if (result.kind !== "caller") {
    exchange.reason = UNIDENTIFIED[result.kind];
    exchange.failed = result.kind === "unavailable";
    return credentialProblem(result, services, requestId);
  }
  const { caller } = result;
  exchange.caller = caller;
  const rejected = exchange.pendingRules === null ? null : applyCallerRules(exchange, caller);
  if (rejected) return rejected;
  if (route.requiresCredential && caller.kind === "ip") {
    const response = unauthorized("This route requires an API key or a token.", requestId);
    return turnedAway(exchange, "unauthenticated", response);
  }
  if (!caller.scopes.includes("call")) {
    const response = problem("forbidden", 'This credential lacks the scope "call".', requestId);
    return turnedAway(exchange, "forbidden", response);
  }
  const admitted = { exchange, path, route, caller };
  if (route.isExempt) return exempt(admitted, handle);
  const { usage } = route;
  if (usage === null) return limited(admitted, null, handle);
  return andThen(reservedCost(admitted, usage), (reserved) =>
    reserved === null
      ? turnedAway(exchange, "invalid_request", brokenOff(requestId))
      : limited(admitted, reserved, handle),
  );
}

function exempt(admitted: Admitted, handle: Handler): Response | Promise<Response> {
  admitted.exchange.reason = null;
  return handle(admitted);
}

/** Asks the limiter. @param reserved what a route with `usage` reserves; null: the route has a cost. */
function limited(
  admitted: Admitted,
  reserved: ReservedCost | null,
  handle: Handler,
): Response | Promise<Response> {
  const { exchange, route, caller } = admitted;
  const { services, policy, waitUntil } = exchange;
  const question: DecisionRequest = {
    revision: policy.revision,
    tier: exchange.rule === null ? tierOfCaller(caller, policy) : tierByRules(exchange, caller),
    route: route.id,
    // The object prices the route by its own revision, which may be newer than this isolate's.
    costMilli: null,
    keyId: caller.keyId,
    peek: false,
    idempotencyKey: null,
  };
  const asked = reserved === null ? question : { ...question, ...reserved };
  const decision = services.limiter.decide(caller.subject, asked, policy, Date.now(), waitUntil);
  // On Cloudflare the clock stands still without I/O, so a decision of this isolate takes no time by it: elsewhere neither.
  if (!(decision instanceof Promise)) return decided(admitted, decision, 0, handle);
  const startedMs = performance.now();
  return spanOf("limit", decision, exchange.context).then((made) =>
    decided(admitted, made, performance.now() - startedMs, handle),
  );
}

/** Rejects, or handles the request and adds the limit headers. */
function decided(
  admitted: Admitted,
  decision: Decision,
  limiterMs: number,
  handle: Handler,
): Response | Promise<Response> {
  const { exchange } = admitted;
  const { services, requestId, policy } = exchange;
  exchange.limiterMs = limiterMs;
  exchange.decision = decision;
  exchange.reason = null;
  logDecision(exchange, decision);
  const reported: ReportedDecision = {
    decision,
    requestId,
    xRateLimit: policy.xRateLimit,
    serverTiming: policy.serverTiming ?? services.settings.serverTiming,
    limiterMs,
  };
  if (!decision.allowed) return rejection(reported);
  const handled = handle(admitted);
  if (!isHeld(decision)) return andThen(handled, (response) => withLimits(response, reported));
  const response = andThen(handled, (found) =>
    giveBackAtEnd(withLimits(found, reported), admitted, decision),
  );
  keepUntilAnswered(response, admitted, decision);
  return response;
}
