/** Enforces who may call the endpoints for administrators: a middleware chain for each role. */
import type { MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../edge/app-env.ts";
import { problem } from "../edge/problem.ts";
import { withPolicy } from "../edge/steps.ts";
import { includesRole, type Role } from "../identity/admin/role.ts";
import type { AdminAccess } from "./endpoint.ts";
import { noStore } from "./no-store.ts";
import { identifyActor } from "./session/identify-actor.ts";

/** Puts the administrator into the context. */
const withActor = createMiddleware<AppEnv>(async (c, next) => {
  const identification = await identifyActor(c);
  if (!identification.ok) return identification.response;
  c.set("actor", identification.actor);
  c.set("author", identification.actor.name);
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

export const ADMIN_ACCESS: Record<AdminAccess, MiddlewareHandler<AppEnv>[]> = {
  none: [],
  viewer: administrator("viewer"),
  operator: administrator("operator"),
  admin: administrator("admin"),
};
