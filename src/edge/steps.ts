/** Steps that the gateway (as functions) and the API (as middleware) share: load the policy, authenticate the caller, apply CORS. */
import { createMiddleware } from "hono/factory";
import type { WaitUntil } from "../wait-until.ts";
import type { AppEnv } from "./app-env.ts";
import { answerCors } from "./cors.ts";
import { problem, secondsOf, unauthorized, unavailable } from "./problem.ts";
import type { Services } from "./services.ts";
import { type Identification, identify, isFlood, SHIELD_MS } from "./shields.ts";

/** Why the flood shield rejects a request. */
export const FLOODING = "This address sends too many requests.";

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
  const { headers } = c.req.raw;
  const nowMs = Date.now();
  const waitUntil: WaitUntil = (work) => c.executionCtx.waitUntil(work);
  const result = await identify(headers, services, nowMs, waitUntil);
  if (result.kind !== "caller") return credentialProblem(result, services, requestId);
  c.set("caller", result.caller);
  return next();
});

/** The response to a credential that is bad, that cannot be checked now, or that is not checked since its address is guessing. */
export function credentialProblem(
  result: Exclude<Identification, { kind: "caller" }>,
  { log }: Services,
  requestId: string,
): Response {
  if (result.kind === "invalid") {
    log("info", "unauthenticated", { requestId, reason: result.detail });
    return unauthorized(result.detail, requestId);
  }
  if (result.kind === "shielded") {
    return flood("This address has sent too many wrong credentials.", requestId);
  }
  return unavailable("Credentials cannot be checked now.", requestId);
}

/** The response to an address that sends too much. @param detail what, as a sentence; the time to retry is added to it. */
export function flood(detail: string, requestId: string): Response {
  const advice = `${detail} Retry after ${secondsOf(SHIELD_MS)} s.`;
  return problem("flood", advice, requestId, { retryAfterMs: SHIELD_MS });
}

/** Responds 429 to an address that floods. */
export const withFloodShield = createMiddleware<AppEnv>(async (c, next) => {
  const { services, requestId } = c.var;
  const isOver = await isFlood(c.req.raw.headers, services, Date.now());
  return isOver ? flood(FLOODING, requestId) : next();
});
