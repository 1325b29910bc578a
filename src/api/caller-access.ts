/** Enforces who may call the endpoints for callers: a middleware chain for each kind of access. */
import type { MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../edge/app-env.ts";
import { overloaded } from "../edge/decision-response.ts";
import { problem, unauthorized } from "../edge/problem.ts";
import { withCaller, withCors, withFloodShield, withPolicy } from "../edge/steps.ts";
import type { WaitUntil } from "../wait-until.ts";
import type { CallerAccess } from "./endpoint.ts";
import { noStore } from "./no-store.ts";

/** Admits keys with the scope `check` that their own account's object confirms to be valid. */
const requireCheckScope = createMiddleware<AppEnv>(async (c, next) => {
  const { caller, requestId, services } = c.var;
  if (caller.kind === "ip") {
    return unauthorized('The decision API needs an API key with the scope "check".', requestId);
  }
  if (caller.keyId === null || !caller.scopes.includes("check")) {
    return problem("forbidden", 'This credential lacks the scope "check".', requestId);
  }
  const waitUntil: WaitUntil = (work) => c.executionCtx.waitUntil(work);
  const standing = await services.limiter.accounts.keyStanding(
    caller.subject,
    caller.keyId,
    Date.now(),
    waitUntil,
  );
  if (standing === "revoked") return unauthorized("The API key has been revoked or has expired.", requestId);
  if (standing === "overloaded") return overloaded(requestId);
  if (standing === "blocked") return problem("blocked", "This account is blocked.", requestId);
  return next();
});

export const CALLER_ACCESS: Record<CallerAccess, MiddlewareHandler<AppEnv>[]> = {
  none: [],
  caller: [noStore, withPolicy, withCors, withFloodShield, withCaller],
  check: [noStore, withPolicy, withCors, withCaller, requireCheckScope],
};
