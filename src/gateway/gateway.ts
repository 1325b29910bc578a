/**
 * The gateway: route, authenticate, limit, answer. One function after the other, in the order of the file; each either answers
 * or goes on.
 *
 * Every request of every user runs through here: nothing is parsed, looked up or allocated twice, and nothing is awaited that
 * is there already (docs/performance.md has what each step costs).
 */
import { resultOf } from "../analytics/decision-point.ts";
import type { Keep } from "../analytics/recorder.ts";
import type { Decision, DecisionRequest } from "../core/decision.ts";
import { authenticate, type Authentication } from "../identity/authenticate.ts";
import { messageOf } from "../log.ts";
import { isReserved, type RouteMatch } from "../policy/route-table.ts";
import { canonicalPath, pathToMatch } from "./canonical-path.ts";
import { answerCors, answerPreflight, isPreflight } from "../edge/cors.ts";
import { type Decided, refusal, withLimits } from "../edge/decision-response.ts";
import { tierOfCaller } from "../edge/caller-tier.ts";
import type { Admitted, Exchange } from "./exchange.ts";
import { forwardRequest } from "./forward-request.ts";
import { problem, unauthorized } from "../edge/problem.ts";
import { hasLostContent } from "./proxy.ts";
import { recordRequest } from "./record-request.ts";
import { keepSlots, releaseSlots } from "./release-slots.ts";
import type { Services } from "../edge/services.ts";
import { credentialProblem, noPolicy } from "../edge/steps.ts";
import { pathnameOf } from "../edge/url-parts.ts";

/** Answers what may pass. */
export type Answer = (admitted: Admitted) => Promise<Response> | Response;

/** A Worker's `fetch`. */
export type Fetch = (
  request: Request,
  env: Env,
  ctx: Pick<ExecutionContext, "waitUntil">,
) => Promise<Response>;

/** Answers everything that is not reserved. Never rejects. `answer` is the upstream, where it is left out. */
export function gateway(services: Services, answer: Answer = forwardRequest): Fetch {
  return async (request, env, ctx) => {
    const requestId = crypto.randomUUID();
    let exchange: Exchange | null = null;
    try {
      const atMs = Date.now();
      const keep: Keep = (work) => ctx.waitUntil(work);
      const current = services.policies.current(atMs, keep);
      const policy = current instanceof Promise ? await current : current;
      if (!policy) {
        services.recorder.flush(keep);
        return noPolicy(requestId);
      }
      const { cors } = policy;
      if (cors && isPreflight(request)) {
        services.recorder.flush(keep);
        return await answerPreflight(request, cors);
      }
      const arrived: Exchange = {
        services,
        request,
        env,
        keep,
        requestId,
        policy,
        atMs,
        route: null,
        caller: null,
        decision: null,
        reason: "internal_error",
        failed: true,
        limiterMs: 0,
        upstreamMs: 0,
        upstreamStatus: "none",
      };
      exchange = arrived;
      const answering = cors
        ? answerCors(request, cors, () => routed(arrived, answer))
        : routed(arrived, answer);
      return answering instanceof Promise ? await answering : answering;
    } catch (thrown) {
      if (exchange) {
        exchange.reason = "internal_error";
        exchange.failed = true;
      }
      services.log("error", "unhandled", { requestId, error: messageOf(thrown) });
      return unhandled(requestId);
    } finally {
      if (exchange) recordRequest(exchange);
    }
  };
}

/** The answer where something was thrown that nobody had thought of. */
export function unhandled(requestId: string): Response {
  return problem("internal_error", "Something went wrong here; the log knows more.", requestId);
}

/** Finds the route. */
function routed(exchange: Exchange, answer: Answer): Response | Promise<Response> {
  const { services, request, requestId, policy } = exchange;
  const path = canonicalPath(pathnameOf(request.url));
  if (path === null) return refused(exchange, "invalid_request", ambiguous(requestId));
  // A reserved path that is spelt in another way is still not the policy's.
  const match: RouteMatch = isReserved(path)
    ? { kind: "none" }
    : policy.routes.match(request.method, pathToMatch(path));
  if (match.kind === "none") {
    const response = problem("not_found", "No route of the policy matches this path.", requestId);
    return refused(exchange, "not_found", response);
  }
  if (match.kind === "method-not-allowed") {
    const Allow = match.allow.join(", ");
    const response = problem("method_not_allowed", `This path takes ${Allow}.`, requestId, {
      headers: { Allow },
    });
    return refused(exchange, "method_not_allowed", response);
  }
  const { route } = match;
  exchange.route = route;
  if (hasLostContent(request)) return refused(exchange, "invalid_request", unsendable(request, requestId));
  const authenticated = authenticate(request.headers, services.credentials, Date.now());
  if (!(authenticated instanceof Promise)) return identified(exchange, route, path, authenticated, answer);
  return authenticated.then((result) => identified(exchange, route, path, result, answer));
}

/** Whether the caller may take the route. */
function identified(
  exchange: Exchange,
  route: Admitted["route"],
  path: string,
  authenticated: Authentication,
  answer: Answer,
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
    return refused(exchange, "unauthenticated", response);
  }
  if (!caller.scopes.includes("call")) {
    const response = problem("forbidden", 'This API key has no scope "call".', requestId);
    return refused(exchange, "forbidden", response);
  }
  const admitted = { exchange, path, route, caller };
  if (route.costMilli === 0 && route.limits.length === 0) return exempt(admitted, answer);
  return limited(admitted, answer);
}

function exempt(admitted: Admitted, answer: Answer): Response | Promise<Response> {
  admitted.exchange.reason = null;
  return answer(admitted);
}

/** Asks the limiter. */
function limited(admitted: Admitted, answer: Answer): Response | Promise<Response> {
  const { exchange, route, caller } = admitted;
  const { services, policy, keep } = exchange;
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
  const startedMs = performance.now();
  const deciding = services.limiter.decide(caller.subject, question, policy, Date.now(), keep);
  if (!(deciding instanceof Promise)) return decided(admitted, deciding, startedMs, answer);
  return deciding.then((decision) => decided(admitted, decision, startedMs, answer));
}

/** Refuses, or answers and tells the limits. */
function decided(
  admitted: Admitted,
  decision: Decision,
  startedMs: number,
  answer: Answer,
): Response | Promise<Response> {
  const { exchange } = admitted;
  const { requestId, policy } = exchange;
  exchange.limiterMs = performance.now() - startedMs;
  exchange.decision = decision;
  exchange.reason = null;
  logDecision(admitted, decision);
  const about: Decided = {
    decision,
    requestId,
    xRateLimit: policy.xRateLimit,
    limiterMs: exchange.limiterMs,
  };
  if (!decision.allowed) return refusal(about);
  const answering = answer(admitted);
  const told = (response: Response): Response =>
    releaseSlots(withLimits(response, about), admitted, decision);
  if (!(answering instanceof Promise)) return told(answering);
  const answered = answering.then(told);
  if (decision.holds.length > 0) keepSlots(answered, admitted, decision);
  return answered;
}

function logDecision({ exchange, route, caller }: Admitted, decision: Decision): void {
  const { services, requestId, limiterMs } = exchange;
  if (decision.allowed && services.settings.logLevel !== "debug") return;
  services.log(decision.allowed ? "debug" : "info", "decision", {
    requestId,
    user: caller.subject,
    route: route.id,
    outcome: decision.outcome,
    reason: resultOf(decision)[1],
    source: decision.source,
    ms: limiterMs,
  });
}

/** Turned away before there was a decision. */
function refused(exchange: Exchange, reason: string, response: Response): Response {
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

function ambiguous(requestId: string): Response {
  const detail =
    "The path is ambiguous: it has an empty segment, an encoded slash or control character, a backslash, a stray percent sign, or a dot segment with parameters.";
  const errors = [{ path: "", message: "the path is ambiguous" }];
  return problem("invalid_request", detail, requestId, { errors });
}
