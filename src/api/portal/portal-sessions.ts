/** A customer's session: begun with a key of the account or with a link, shown, and ended. */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import { unavailable } from "../../edge/problem.ts";
import type { PortalSession } from "../../objects/portal.ts";
import { stubOf } from "../accounts/account-object.ts";
import { readBody } from "../body.ts";
import { type Endpoints, PORTAL } from "../endpoint.ts";
import { iso } from "../rfc3339.ts";
import { crossSite } from "../session/identify-actor.ts";
import { requestOrigin } from "../session/request-origin.ts";
import { expiredPortalCookie, portalCookie, presentedSession } from "./portal-cookie.ts";
import { authorOf, rightsOf } from "./portal-rights.ts";
import { sessionCall } from "./session-call.ts";
import { signIn, signInSchema } from "./sign-in.ts";

export const PORTAL_SESSIONS = {
  createPortalSession: {
    method: "POST",
    path: `${PORTAL}/session`,
    // The body carries the credential.
    access: "none",
    body: signInSchema,
    handler: createSession,
  },
  getPortalSession: { method: "GET", path: `${PORTAL}/session`, access: "portal", handler: getSession },
  deletePortalSession: {
    method: "DELETE",
    path: `${PORTAL}/session`,
    access: "none",
    handler: deleteSession,
  },
} as const satisfies Endpoints;

async function createSession(c: Context<AppEnv>): Promise<Response> {
  const { services, requestId } = c.var;
  // Another site must not sign its visitors in here with a credential of its choice.
  if (requestOrigin(c.req.raw) === "other") return crossSite(requestId);
  const body = await readBody(c, signInSchema);
  if (!body.ok) return body.response;
  const result = await signIn(c, body.value);
  if (!result.ok) return result.response;
  // The earlier session's cookie is replaced, so nobody could sign it out later. If it cannot be ended now, it expires.
  await endPresented(c, "replaced session");
  const { user, session, text } = result;
  services.log("info", "portal_sign_in", { requestId, account: user, actor: authorOf(session) });
  return c.json(sessionView(c, user, session), 200, {
    "Set-Cookie": portalCookie(c, text, session.expiresMs),
  });
}

function getSession(c: Context<AppEnv>): Response {
  const { user, session } = c.var.portal;
  return c.json(sessionView(c, user, session));
}

/**
 * Ends the session everywhere and removes the cookie, even if it is invalid. If the session cannot be ended now, the cookie stays, so that
 * the client can retry.
 */
async function deleteSession(c: Context<AppEnv>): Promise<Response> {
  const { requestId } = c.var;
  if (requestOrigin(c.req.raw) === "other") return crossSite(requestId);
  if (!(await endPresented(c, "sign-out"))) {
    return unavailable("The session may not have ended: sign out again.", requestId);
  }
  return c.body(null, 204, { "Set-Cookie": expiredPortalCookie(c) });
}

/** Ends the session of the request's cookie, if it has one. @returns false: it may not have ended. */
async function endPresented(c: Context<AppEnv>, what: string): Promise<boolean> {
  const credential = await presentedSession(c);
  if (!credential) return true;
  const closing = stubOf(c, credential.user).closePortal(credential.secret);
  return (await sessionCall(c, what, closing)) !== null;
}

function sessionView(c: Context<AppEnv>, user: string, session: PortalSession) {
  const { kind, expiresMs, account } = session;
  return {
    account: user,
    name: account.name,
    kind,
    may: rightsOf(session, c.var.policy),
    expiresAt: iso(expiresMs),
  };
}
