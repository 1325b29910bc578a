/**
 * Enforces who may call the portal's endpoints: a middleware chain for each kind of access.
 *
 * The account is the session's, which its own object confirms with every request: nothing else that a client sends chooses it.
 */
import type { Context, MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem, unauthorized, unavailable } from "../../edge/problem.ts";
import { withFloodShield, withPolicy } from "../../edge/steps.ts";
import type { PortalAnswer } from "../../objects/portal.ts";
import { stubOf } from "../accounts/account-object.ts";
import type { PortalAccess } from "../endpoint.ts";
import { noStore } from "../no-store.ts";
import { crossSite } from "../session/identify-actor.ts";
import { isPlainRead, requestOrigin } from "../session/request-origin.ts";
import { spendWork } from "../work-limit.ts";
import { noPortal } from "./no-portal.ts";
import { expiredPortalCookie, presentedSession } from "./portal-cookie.ts";
import { authorOf, rightsOf } from "./portal-rights.ts";
import { sessionCall } from "./session-call.ts";

/** 404 if the policy in force has no portal. */
const requirePortal = createMiddleware<AppEnv>(async (c, next) =>
  c.var.policy.billing?.portal === undefined ? noPortal(c.var.requestId) : next(),
);

/** What every call of the portal's API passes first. */
export const BEFORE_PORTAL = [noStore, withPolicy, withFloodShield, requirePortal];

/** Puts the customer's session into the context. */
const withVisit = createMiddleware<AppEnv>(async (c, next) => {
  const { policy, requestId } = c.var;
  const credential = await presentedSession(c);
  if (!credential) return noSession(c);
  const { user, secret } = credential;
  const call = stubOf(c, user).portalSession(secret);
  const answered = await sessionCall<PortalAnswer>(c, "session", call);
  if (!answered) return unavailable("Sessions cannot be checked now.", requestId);
  if (answered.answer.kind !== "session") return noSession(c);
  // Browsers send the origin of every change that carries a cookie.
  if (!isPlainRead(c.req.raw) && requestOrigin(c.req.raw) !== "same") return crossSite(requestId);
  const { session } = answered.answer;
  c.set("portal", { user, id: secret.id, session, may: rightsOf(session, policy) });
  c.set("author", authorOf(session));
  return (await spendWork(c, "portal", 1, user, "This account")) ?? next();
});

/** 401 that also removes the cookie. */
function noSession(c: Context<AppEnv>): Response {
  const response = unauthorized("There is no session, or it has ended. Sign in again.", c.var.requestId);
  response.headers.set("Set-Cookie", expiredPortalCookie(c));
  return response;
}

const requireLink = createMiddleware<AppEnv>(async (c, next) => {
  const { portal, requestId } = c.var;
  if (portal.session.kind === "link") return next();
  const detail = "This needs a sign-in link: a session that began with an API key may not do it.";
  return problem("forbidden", detail, requestId);
});

export const PORTAL_ACCESS: Record<PortalAccess, MiddlewareHandler<AppEnv>[]> = {
  none: [],
  portal: [withVisit],
  "portal-link": [withVisit, requireLink],
};
