/**
 * Steps that every request takes which needs the policy or a caller: as functions for the gateway, as middleware for the API.
 */
import { createMiddleware } from "hono/factory";
import { authenticate, type Authentication } from "../identity/authenticate.ts";
import type { AppEnv } from "./app-env.ts";
import { answerCors } from "./cors.ts";
import { problem, unauthorized } from "./problem.ts";
import type { Services } from "./services.ts";

/** KV is tried again with the next request; a client need not wait longer. */
const RETRY_MS = 1_000;

/** Puts the policy in force into the context; 503 where none is known. */
export const withPolicy = createMiddleware<AppEnv>(async (c, next) => {
  const policy = await c.var.services.policies.current(Date.now(), (work) => c.executionCtx.waitUntil(work));
  if (!policy) return noPolicy(c.var.requestId);
  c.set("policy", policy);
  return next();
});

export function noPolicy(requestId: string): Response {
  return problem("temporary_reduced_capacity", "The policy is not at hand at the moment.", requestId, {
    retryAfterMs: RETRY_MS,
  });
}

/** Answers CORS by the policy, where it says anything about it. Preflights never reach a limit or the upstream. */
export const withCors = createMiddleware<AppEnv>(async (c, next) => {
  const rules = c.var.policy.cors;
  if (!rules) return next();
  c.res = await answerCors(c.req.raw, rules, async () => {
    await next();
    return c.res;
  });
  return undefined;
});

/** Puts the caller into the context; 401 where a credential is present but bad. */
export const withCaller = createMiddleware<AppEnv>(async (c, next) => {
  const { services, requestId } = c.var;
  const result = await authenticate(c.req.raw.headers, services.credentials, Date.now());
  if (result.kind !== "caller") return credentialProblem(result, services, requestId);
  c.set("caller", result.caller);
  return next();
});

/** The answer to a credential that is bad, or that nobody can check now. */
export function credentialProblem(
  result: Exclude<Authentication, { kind: "caller" }>,
  { log }: Services,
  requestId: string,
): Response {
  if (result.kind === "invalid") {
    log("info", "unauthenticated", { requestId, reason: result.detail });
    return unauthorized(result.detail, requestId);
  }
  return problem("temporary_reduced_capacity", "Credentials cannot be checked at the moment.", requestId, {
    retryAfterMs: RETRY_MS,
  });
}
