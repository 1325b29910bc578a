/** Steps that the gateway (as functions) and the API (as middleware) share: load the policy, authenticate the caller, apply CORS. */
import { createMiddleware } from "hono/factory";
import { authenticate, type Authentication } from "../identity/authenticate.ts";
import type { AppEnv } from "./app-env.ts";
import { answerCors } from "./cors.ts";
import { unauthorized, unavailable } from "./problem.ts";
import type { Services } from "./services.ts";

/** Puts the policy in force into the context; responds 503 if none is known. */
export const withPolicy = createMiddleware<AppEnv>(async (c, next) => {
  const policy = await c.var.services.policies.current(Date.now(), (work) => c.executionCtx.waitUntil(work));
  if (!policy) return noPolicy(c.var.requestId);
  c.set("policy", policy);
  return next();
});

/** The response if no policy is known. The next request asks KV again. */
export function noPolicy(requestId: string): Response {
  return unavailable("The policy cannot be loaded now.", requestId);
}

/** Applies the policy's CORS rules, if it has any. Preflights never reach a limit or the upstream. */
export const withCors = createMiddleware<AppEnv>(async (c, next) => {
  const rules = c.var.policy.cors;
  if (!rules) return next();
  c.res = await answerCors(c.req.raw, rules, async () => {
    await next();
    return c.res;
  });
  return undefined;
});

/** Puts the caller into the context; responds 401 to a bad credential. */
export const withCaller = createMiddleware<AppEnv>(async (c, next) => {
  const { services, requestId } = c.var;
  const result = await authenticate(c.req.raw.headers, services.credentials, Date.now());
  if (result.kind !== "caller") return credentialProblem(result, services, requestId);
  c.set("caller", result.caller);
  return next();
});

/** The response to a credential that is bad, or that cannot be checked now. */
export function credentialProblem(
  result: Exclude<Authentication, { kind: "caller" }>,
  { log }: Services,
  requestId: string,
): Response {
  if (result.kind === "invalid") {
    log("info", "unauthenticated", { requestId, reason: result.detail });
    return unauthorized(result.detail, requestId);
  }
  return unavailable("Credentials cannot be checked now.", requestId);
}
