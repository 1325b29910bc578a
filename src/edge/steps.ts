/** Steps that the gateway (as functions) and the API (as middleware) share: load the policy, authenticate the caller, apply CORS. */
import { createMiddleware } from "hono/factory";
import { authenticate, type Authentication } from "../identity/authenticate.ts";
import type { AppEnv } from "./app-env.ts";
import { answerCors } from "./cors.ts";
import { problem, unauthorized } from "./problem.ts";
import type { Services } from "./services.ts";

/** The next request tries KV again, so a client need not wait longer. */
const RETRY_MS = 1_000;

/** Puts the policy in force into the context; responds 503 if none is known. */
export const withPolicy = createMiddleware<AppEnv>(async (c, next) => {
  const policy = await c.var.services.policies.current(Date.now(), (work) => c.executionCtx.waitUntil(work));
  if (!policy) return noPolicy(c.var.requestId);
  c.set("policy", policy);
  return next();
});

export function noPolicy(requestId: string): Response {
  return problem(
    "temporary_reduced_capacity",
    "The policy cannot be loaded at the moment. Retry later.",
    requestId,
    {
      retryAfterMs: RETRY_MS,
    },
  );
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
  return problem(
    "temporary_reduced_capacity",
    "Credentials cannot be checked at the moment. Retry later.",
    requestId,
    {
      retryAfterMs: RETRY_MS,
    },
  );
}
