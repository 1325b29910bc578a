/** The dashboard's session: issued for an admin token, shown, and ended. */
import type { Context } from "hono";
import * as z from "zod/mini";
import type { AppEnv } from "../../edge/app-env.ts";
import type { Actor } from "../../identity/admin/role.ts";
import { readBody } from "../body.ts";
import { ADMIN, type Endpoints } from "../endpoint.ts";
import { isoOrNull } from "../rfc3339.ts";
import { crossSite, notConfigured } from "./identify-actor.ts";
import { requestOrigin } from "./request-origin.ts";
import { clearSession, keepSession, sessionOf } from "./session-cookie.ts";
import { endSession, standingUnknown } from "./session-standing.ts";
import { attemptToken } from "./token-attempt.ts";

const newSessionSchema = z.strictObject({
  token: z.string().check(z.minLength(1), z.maxLength(1_024)),
});

export const SESSIONS = {
  createSession: {
    method: "POST",
    path: `${ADMIN}/session`,
    // The body carries the credential.
    access: "none",
    body: newSessionSchema,
    handler: createSession,
  },
  getSession: { method: "GET", path: `${ADMIN}/session`, access: "viewer", handler: getSession },
  deleteSession: { method: "DELETE", path: `${ADMIN}/session`, access: "none", handler: deleteSession },
} as const satisfies Endpoints;

/** Exchanges an admin token for a session with the token's role. */
async function createSession(c: Context<AppEnv>): Promise<Response> {
  const { admin, services, requestId } = c.var;
  const { sessions } = admin;
  if (!sessions) return notConfigured(requestId);
  // Another site must not log its visitors in here under a token of its choice.
  if (requestOrigin(c.req.raw) === "other") return crossSite(requestId);
  const body = await readBody(c, newSessionSchema);
  if (!body.ok) return body.response;
  const attempt = await attemptToken(c, body.value.token);
  if (!attempt.ok) return attempt.response;
  const { name, role } = attempt.token;
  const { value, session } = await sessions.issue({ name, role }, Date.now());
  services.log("info", "admin_login", { requestId, actor: name, role });
  return c.json(actorView(session), 200, {
    "Cache-Control": "no-store",
    "Set-Cookie": keepSession(c, value),
  });
}

function getSession(c: Context<AppEnv>): Response {
  return c.json(actorView(c.var.actor));
}

/**
 * Ends the session everywhere and removes the cookie, even if it is invalid: logging out without a session is not an error. If the
 * session cannot be ended now, the cookie stays, so that the client can retry.
 */
async function deleteSession(c: Context<AppEnv>): Promise<Response> {
  const { services, requestId } = c.var;
  if (requestOrigin(c.req.raw) === "other") return crossSite(requestId);
  const value = sessionOf(c);
  const session = value === undefined ? null : await c.var.admin.sessions?.open(value, Date.now());
  if (session) {
    if (!(await endSession(c, session))) {
      return standingUnknown(requestId, "The session may not have ended: log out again.");
    }
    services.log("info", "admin_logout", { requestId, actor: session.name });
  }
  return c.body(null, 204, { "Cache-Control": "no-store", "Set-Cookie": clearSession(c) });
}

function actorView({ name, role, expiresMs }: Pick<Actor, "name" | "role" | "expiresMs">) {
  return { name, role, expiresAt: isoOrNull(expiresMs) };
}
