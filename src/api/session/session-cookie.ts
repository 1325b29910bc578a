/** The cookie that carries a session. Browsers send it with this site's own requests only and hide it from scripts. */
import type { Context } from "hono";
import { generateCookie, getCookie } from "hono/cookie";
import type { AppEnv } from "../../edge/app-env.ts";
import { SESSION_MS } from "../../identity/admin/admin-sessions.ts";

/**
 * Prefixed with `__Secure-` on https: browsers accept that prefix from https only, so a page over plain http cannot set the cookie.
 * `__Host-` would also stop sibling subdomains, but requires the path `/`, see below.
 */
const NAME = "el_session";
/**
 * With a wider path, the sessions of administrators would go to the upstream behind the gateway and to other Workers or servers on this
 * host. The dashboard's pages are the same for everyone and need no session.
 */
const PATH = "/api/v1/admin";

/** The session's value as the browser sent it, or undefined. */
export function sessionOf(c: Context<AppEnv>): string | undefined {
  return isSecure(c) ? getCookie(c, NAME, "secure") : getCookie(c, NAME);
}

/** The `Set-Cookie` headers that store a session for its lifetime. */
export function keepSession(c: Context<AppEnv>, value: string): string[] {
  return [cookie(value, SESSION_MS / 1000, isSecure(c)), ...clearUnprefixed(c)];
}

/** The `Set-Cookie` headers that remove it. */
export function clearSession(c: Context<AppEnv>): string[] {
  return [cookie("", 0, isSecure(c)), ...clearUnprefixed(c)];
}

/** Removes a cookie without the prefix, from an earlier version: it is no longer valid. */
function clearUnprefixed(c: Context<AppEnv>): string[] {
  return isSecure(c) && getCookie(c, NAME) !== undefined ? [cookie("", 0, false)] : [];
}

function cookie(value: string, maxAge: number, isPrefixed: boolean): string {
  const attributes = { path: PATH, httpOnly: true, sameSite: "Strict", maxAge } as const;
  return generateCookie(NAME, value, isPrefixed ? { ...attributes, prefix: "secure" } : attributes);
}

/** Browsers drop a Secure cookie set over plain http, as on a developer's machine. */
function isSecure(c: Context<AppEnv>): boolean {
  return new URL(c.req.url).protocol === "https:";
}
