/** Enforces who may call an endpoint: a middleware chain for each kind of access in the contract. */
import type { MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../edge/app-env.ts";
import { overloaded } from "../edge/decision-response.ts";
import { problem, unauthorized } from "../edge/problem.ts";
import { withCaller, withCors, withPolicy } from "../edge/steps.ts";
import { includesRole, type Role } from "../identity/admin/role.ts";
import { identifyActor } from "./session/identify-actor.ts";
import type { WaitUntil } from "../wait-until.ts";
import type { Access } from "./endpoint.ts";

/** Caches do not know that `X-API-Key` and the session's cookie are credentials (RFC 9111), so no response may be stored. */
const noStore = createMiddleware<AppEnv>(async (c, next) => {
  c.header("Cache-Control", "no-store");
  return next();
});

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

/** Puts the administrator into the context. */
const withActor = createMiddleware<AppEnv>(async (c, next) => {
  const identification = await identifyActor(c);
  if (!identification.ok) return identification.response;
  c.set("actor", identification.actor);
  return next();
});

function requireRole(needed: Role): MiddlewareHandler<AppEnv> {
  return createMiddleware<AppEnv>(async (c, next) => {
    const { actor, requestId } = c.var;
    if (includesRole(actor.role, needed)) return next();
    return problem("forbidden", `This needs the role "${needed}"; yours is "${actor.role}".`, requestId);
  });
}

function administrator(needed: Role): MiddlewareHandler<AppEnv>[] {
  return [noStore, withActor, requireRole(needed), withPolicy];
}

export const ACCESS: Record<Access, MiddlewareHandler<AppEnv>[]> = {
  none: [],
  caller: [noStore, withPolicy, withCors, withCaller],
  check: [noStore, withPolicy, withCors, withCaller, requireCheckScope],
  viewer: administrator("viewer"),
  operator: administrator("operator"),
  admin: administrator("admin"),
};
