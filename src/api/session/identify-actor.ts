/**
 * Identifies the administrator by the first credential that is present: the bearer token, the session's cookie, the assertion of
 * Cloudflare Access. If that one is invalid, the response is 401: the next one is never tried.
 */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem, unauthorized, unavailable } from "../../edge/problem.ts";
import { ACCESS_HEADER, type CloudflareAccess } from "../../identity/admin/cloudflare-access.ts";
import type { Actor } from "../../identity/admin/role.ts";
import { lengthFault } from "../../identity/issuer-settings.ts";
import { isPlainRead, requestOrigin } from "./request-origin.ts";
import { clearSession, sessionOf } from "./session-cookie.ts";
import { sessionStanding, standingUnknown } from "./session-standing.ts";
import { attemptToken } from "./token-attempt.ts";

const BEARER = /^Bearer +(\S+) *$/i;

export type Identification =
  | { readonly ok: true; readonly actor: Actor }
  | { readonly ok: false; readonly response: Response };

export async function identifyActor(c: Context<AppEnv>): Promise<Identification> {
  const { access, tokens } = c.var.admin;
  if (tokens.isEmpty && !access) return { ok: false, response: notConfigured(c.var.requestId) };
  const authorization = c.req.header("Authorization");
  if (authorization !== undefined) return byToken(c, authorization);
  const session = sessionOf(c);
  if (session !== undefined) return bySession(c, session);
  const assertion = c.req.header(ACCESS_HEADER);
  if (access && assertion !== undefined) return byAccess(c, access, assertion);
  return unidentified(c, "The admin API needs an admin token as a bearer token, or a session.", "none");
}

/** 503 that says how to configure a token. */
export function notConfigured(requestId: string): Response {
  const detail =
    "No admin token is configured. Set one: wrangler secret put ADMIN_TOKEN (16 characters or more).";
  return problem("not_configured", detail, requestId);
}

/** 403 for a request that a page of another site sent. */
export function crossSite(requestId: string): Response {
  return problem("forbidden", "Only a page of this site may send this request.", requestId);
}

async function byToken(c: Context<AppEnv>, authorization: string): Promise<Identification> {
  const secret = BEARER.exec(authorization)?.[1];
  if (secret === undefined) {
    return unidentified(
      c,
      "The Authorization header does not have the form: Bearer <admin token>.",
      "no bearer",
    );
  }
  const attempt = await attemptToken(c, secret);
  if (!attempt.ok) return attempt;
  const { name, role } = attempt.token;
  return { ok: true, actor: { name, role, expiresMs: null, source: "token", session: null } };
}

async function bySession(c: Context<AppEnv>, value: string): Promise<Identification> {
  const { admin, requestId } = c.var;
  const session = (await admin.sessions?.open(value, Date.now())) ?? null;
  const standing = session ? await sessionStanding(c, session) : "ended";
  if (standing === "unknown") return { ok: false, response: standingUnknown(requestId) };
  if (!session || standing === "ended") {
    const rejection = unidentified(c, "The session has ended. Log in again.", "session");
    // Otherwise the browser would keep sending it, and it would take precedence over a valid assertion.
    for (const cookie of clearSession(c)) rejection.response.headers.append("Set-Cookie", cookie);
    return rejection;
  }
  // Browsers send the origin of every change that carries a cookie.
  if (!isPlainRead(c.req.raw) && requestOrigin(c.req.raw) !== "same") {
    return { ok: false, response: crossSite(requestId) };
  }
  const { name, role, expiresMs } = session;
  return { ok: true, actor: { name, role, expiresMs, source: "token", session } };
}

async function byAccess(
  c: Context<AppEnv>,
  access: CloudflareAccess,
  assertion: string,
): Promise<Identification> {
  const { requestId } = c.var;
  const result = await access.verify(assertion, Date.now());
  switch (result.kind) {
    case "invalid":
      return unidentified(
        c,
        lengthFault(assertion) ?? "The assertion of Cloudflare Access is invalid or has expired.",
        "assertion",
      );
    case "unavailable": {
      const response = unavailable("The keys of Cloudflare Access cannot be fetched now.", requestId);
      return { ok: false, response };
    }
    case "actor":
      // Access identifies browsers by a cookie, and services by a token that they send themselves, without an origin.
      if (!isPlainRead(c.req.raw) && requestOrigin(c.req.raw) === "other") {
        return { ok: false, response: crossSite(requestId) };
      }
      return { ok: true, actor: result.actor };
  }
}

function unidentified(c: Context<AppEnv>, detail: string, reason: string): { ok: false; response: Response } {
  const { services, requestId } = c.var;
  services.log(reason === "none" ? "info" : "warn", "admin_unauthenticated", { requestId, reason });
  return { ok: false, response: unauthorized(detail, requestId) };
}
