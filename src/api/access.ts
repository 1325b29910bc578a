/** Who may call an endpoint: one middleware chain for each kind of access in the contract. */
import type { MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../gateway/app-env.ts";
import { problem, unauthorized } from "../gateway/problem.ts";
import { withCaller, withCors, withPolicy } from "../gateway/steps.ts";
import type { Access } from "./contract.ts";
import { equalSecrets } from "./equal-secrets.ts";

/** Only a key with the scope `check`, and only while its own account's object says that it is good. */
const requireCheckScope = createMiddleware<AppEnv>(async (c, next) => {
  const { caller, requestId, services } = c.var;
  if (caller.kind === "ip") {
    return unauthorized('The decision API needs an API key with the scope "check".', requestId);
  }
  if (caller.keyId === null || !caller.scopes.includes("check")) {
    return problem("forbidden", 'This credential has no scope "check".', requestId);
  }
  const standing = await services.limiter.keyStanding(caller.subject, caller.keyId, Date.now());
  if (standing === "revoked") return unauthorized("The API key has been revoked or has expired.", requestId);
  if (standing === "blocked") return problem("blocked", "This account is suspended.", requestId);
  return next();
});

/** The admin token as a bearer token, compared in constant time. */
const requireAdmin = createMiddleware<AppEnv>(async (c, next) => {
  const { services, requestId } = c.var;
  const { adminToken } = services.settings;
  if (adminToken === null) {
    const detail =
      "No admin token is configured. Set one: wrangler secret put ADMIN_TOKEN (16 characters or more).";
    return problem("not_configured", detail, requestId);
  }
  const given = /^Bearer +(\S+) *$/i.exec(c.req.header("Authorization") ?? "")?.[1];
  if (given === undefined || !(await equalSecrets(given, adminToken))) {
    services.log("warn", "admin_unauthenticated", { requestId });
    return unauthorized("The admin API needs the admin token as a bearer token.", requestId);
  }
  return next();
});

export const ACCESS: Record<Access, MiddlewareHandler<AppEnv>[]> = {
  none: [],
  caller: [withPolicy, withCors, withCaller],
  check: [withPolicy, withCors, withCaller, requireCheckScope],
  admin: [requireAdmin, withPolicy],
};
