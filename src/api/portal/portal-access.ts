/**
 * Enforces who may call the portal's endpoints: a middleware chain for each kind of access.
 *
 * The account is the session's, which its own object confirms with every request: nothing else that a client sends chooses it.
 */
import type { MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem, unauthorized, unavailable } from "../../edge/problem.ts";
import { withFloodShield, withPolicy } from "../../edge/steps.ts";
import { readPortalCredential } from "./portal-credential.ts";
import { messageOf } from "../../log.ts";
import type { PortalAnswer } from "../../objects/portal.ts";
import { stubOf } from "../accounts/account-object.ts";
import type { PortalAccess } from "../endpoint.ts";
import { noStore } from "../no-store.ts";
import { crossSite } from "../session/identify-actor.ts";
import { isPlainRead, requestOrigin } from "../session/request-origin.ts";
import { spendWork } from "../work-limit.ts";
import { noPortal } from "./no-portal.ts";
import { clearPortal, portalCookie } from "./portal-cookie.ts";
import { authorOf, rightsOf } from "./portal-rights.ts";

/** As the calls that follow (ask.ts). */
export const PORTAL_DEADLINE_MS = 10_000;

/** 404 if the policy in force has no portal. */
const requirePortal = createMiddleware<AppEnv>(async (c, next) =>
  c.var.policy.billing?.portal === undefined ? noPortal(c.var.requestId) : next(),
);

/** What every call of the portal's API passes first. */
export const BEFORE_PORTAL = [noStore, withPolicy, withFloodShield, requirePortal];

/** Puts the customer's session into the context. */
const withVisit = createMiddleware<AppEnv>(async (c, next) => {
  const { policy, requestId, services } = c.var;
  const credential = await readPortalCredential(portalCookie(c) ?? "");
  let answer: PortalAnswer = { kind: "ended" };
  if (credential) {
    try {
      const call: Promise<PortalAnswer> = stubOf(c, credential.user).portalSession(credential.secret);
      answer = await withDeadline(call, PORTAL_DEADLINE_MS, "account");
    } catch (thrown) {
      services.log("error", "portal_failed", { requestId, what: "session", error: messageOf(thrown) });
      return unavailable("Sessions cannot be checked now.", requestId);
    }
  }
  if (!credential || answer.kind !== "session") {
    const response = unauthorized("There is no session, or it has ended. Sign in again.", requestId);
    response.headers.set("Set-Cookie", clearPortal(c));
    return response;
  }
  // Browsers send the origin of every change that carries a cookie.
  if (!isPlainRead(c.req.raw) && requestOrigin(c.req.raw) !== "same") return crossSite(requestId);
  const { user, secret } = credential;
  const { session } = answer;
  c.set("portal", { user, id: secret.id, session, may: rightsOf(session, policy) });
  c.set("author", authorOf(session));
  return (await spendWork(c, "portal", 1, user, "This account")) ?? next();
});

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
