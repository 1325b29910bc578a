/**
 * The gateway: route, authenticate, limit, answer. One function per step, in the order of the file; each either responds or calls
 * the next.
 *
 * Every request of every user runs through here: nothing is parsed, looked up or allocated twice, and no value that is already
 * there is awaited (docs/performance.md has the cost of each step).
 */
import { andThen } from "../and-then.ts";
import { resultOf } from "../analytics/decision-point.ts";
import type { WaitUntil } from "../wait-until.ts";
import type { Decision, DecisionRequest } from "../core/decision.ts";
import { authenticate, type Authentication } from "../identity/authenticate.ts";
import { messageOf } from "../log.ts";
import { isReserved, type RouteMatch } from "../policy/route-table.ts";
import { canonicalPath, pathToMatch } from "./canonical-path.ts";
import { answerCors, answerPreflight, isPreflight } from "../edge/cors.ts";
import { rejection, type ReportedDecision, withLimits } from "../edge/decision-response.ts";
import { tierOfCaller } from "../edge/caller-tier.ts";
import { type Admitted, arrival, type Exchange, failed } from "./exchange.ts";
import { forwardRequest } from "./forward-request.ts";
import { problem, unauthorized, unhandled } from "../edge/problem.ts";
import { hopsOf, MAX_HOPS } from "./hops.ts";
import { hasLostContent } from "./proxy.ts";
import { recordRequest } from "./record-request.ts";
import { keepSlots, releaseSlots } from "./release-slots.ts";
import type { Services } from "../edge/services.ts";
import { credentialProblem, noPolicy } from "../edge/steps.ts";
import { pathnameOf } from "../edge/url-parts.ts";

/** Handles an admitted request. */
export type Handler = (admitted: Admitted) => Promise<Response> | Response;

/** A Worker's `fetch`. */
export type Fetch = (
  request: Request,
  env: Env,
  ctx: Pick<ExecutionContext, "waitUntil">,
) => Promise<Response>;

/** Responds to every path that is not reserved. Never rejects. By default, admitted requests go to their upstream. */
export function gateway(services: Services, handle: Handler = forwardRequest): Fetch {
  return async (request, env, ctx) => {
    const requestId = crypto.randomUUID();
    const atMs = Date.now();
    const waitUntil: WaitUntil = (work) => ctx.waitUntil(work);
    let exchange: Exchange | null = null;
    try {
      const found = services.policies.current(atMs, waitUntil);
      const policy = found instanceof Promise ? await found : found;
      const cors = policy?.cors ?? null;
      if (!policy || (cors && isPreflight(request))) {
        services.recorder.flush(waitUntil);
        return await (cors ? answerPreflight(request, cors) : noPolicy(requestId));
      }
      const arrived = arrival(services, request, env, waitUntil, requestId, policy, atMs);
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
  if (path === null) return turnedAway(exchange, "invalid_request", ambiguous(requestId, AMBIGUOUS));
  // Another spelling of a reserved path is reserved too.
  const match: RouteMatch = isReserved(path)
    ? { kind: "none" }
    : policy.routes.match(request.method, pathToMatch(path));
  if (match.kind === "ambiguous")
    return turnedAway(exchange, "invalid_request", ambiguous(requestId, MISSPELT));
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
  return andThen(hasLostContent(request), (isLost) =>
    isLost
      ? turnedAway(exchange, "invalid_request", unsendable(request, requestId))
      : andThen(authenticate(request.headers, services.credentials, Date.now()), (result) =>
          identified(exchange, route, path, result, handle),
        ),
  );
}

/** Checks that the caller may use the route. */
function identified(
  exchange: Exchange,
  route: Admitted["route"],
  path: string,
  authenticated: Authentication,
  handle: Handler,
): Response | Promise<Response> {
  const { services, requestId } = exchange;
  if (authenticated.kind !== "caller") {
    exchange.reason = authenticated.kind === "invalid" ? "unauthenticated" : "credentials_unavailable";
    exchange.failed = authenticated.kind !== "invalid";
    return credentialProblem(authenticated, services, requestId);
  }
  const { caller } = authenticated;
  exchange.caller = caller;
  if (route.requiresCredential && caller.kind === "ip") {
    const response = unauthorized("This route requires an API key or a token.", requestId);
    return turnedAway(exchange, "unauthenticated", response);
  }
  if (!caller.scopes.includes("call")) {
    const response = problem("forbidden", 'This credential lacks the scope "call".', requestId);
    return turnedAway(exchange, "forbidden", response);
  }
  const admitted = { exchange, path, route, caller };
  if (route.costMilli === 0 && route.limits.length === 0) return exempt(admitted, handle);
  return limited(admitted, handle);
}

function exempt(admitted: Admitted, handle: Handler): Response | Promise<Response> {
  admitted.exchange.reason = null;
  return handle(admitted);
}

/** Asks the limiter. */
function limited(admitted: Admitted, handle: Handler): Response | Promise<Response> {
  const { exchange, route, caller } = admitted;
  const { services, policy, waitUntil } = exchange;
  const question: DecisionRequest = {
    revision: policy.revision,
    tier: tierOfCaller(caller, policy),
    route: route.id,
    // The object prices the route by its own revision, which may be newer than this isolate's.
    costMilli: null,
    keyId: caller.keyId,
    peek: false,
    idempotencyKey: null,
  };
  const decision = services.limiter.decide(caller.subject, question, policy, Date.now(), waitUntil);
  // On Cloudflare the clock stands still without I/O, so a decision of this isolate takes no time by it: elsewhere neither.
  if (!(decision instanceof Promise)) return decided(admitted, decision, 0, handle);
  const startedMs = performance.now();
  return decision.then((made) => decided(admitted, made, performance.now() - startedMs, handle));
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
  if (services.decisions.takes(isPlain(decision), exchange.atMs)) logDecision(admitted, decision);
  const reported: ReportedDecision = {
    decision,
    requestId,
    xRateLimit: policy.xRateLimit,
    serverTiming: policy.serverTiming ?? services.settings.serverTiming,
    limiterMs,
  };
  if (!decision.allowed) return rejection(reported);
  const response = andThen(handle(admitted), (handled) =>
    releaseSlots(withLimits(handled, reported), admitted, decision),
  );
  if (decision.holds.length > 0) keepSlots(response, admitted, decision);
  return response;
}

/** Whether nothing denied it, or would have. */
function isPlain({ allowed, shadowed }: Decision): boolean {
  return allowed && shadowed === undefined;
}

function logDecision({ exchange, route, caller }: Admitted, decision: Decision): void {
  const { services, requestId, limiterMs } = exchange;
  services.decisions.write(isPlain(decision), {
    requestId,
    user: caller.subject,
    route: route.id,
    outcome: decision.outcome,
    reason: resultOf(decision)[1],
    source: decision.source,
    ms: limiterMs,
  });
}

/** Marks a request as turned away before a decision. */
function turnedAway(exchange: Exchange, reason: string, response: Response): Response {
  exchange.reason = reason;
  exchange.failed = false;
  return response;
}

function unsendable({ method }: Request, requestId: string): Response {
  const errors = [{ path: "", message: `${method} takes no content` }];
  return problem("invalid_request", `A ${method} request cannot be forwarded with content.`, requestId, {
    errors,
  });
}

function looping(requestId: string): Response {
  const detail = `The request has passed ${MAX_HOPS} gateways: the upstream of some route leads back here. Point it at the API itself.`;
  return problem("loop_detected", detail, requestId);
}

const AMBIGUOUS =
  "The path is ambiguous: it has an empty segment, an encoded slash or control character, a backslash, a stray percent sign, or a dot segment with parameters or spaces.";
const MISSPELT =
  "The path is ambiguous: servers that ignore case, a trailing slash, path parameters, or spaces and dots at the end of a segment would take it for another path, which has different requirements. Write it as the API documents it.";

function ambiguous(requestId: string, detail: string): Response {
  const errors = [{ path: "", message: "the path is ambiguous" }];
  return problem("invalid_request", detail, requestId, { errors });
}
