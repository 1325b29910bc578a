/** The cookie that carries an administrator's session. The dashboard's pages are the same for everyone and need no session. */
import type { Context } from "hono";
import { getCookie } from "hono/cookie";
import type { AppEnv } from "../../edge/app-env.ts";
import { SESSION_MS } from "../../identity/admin/admin-sessions.ts";
import { isSecure, readSiteCookie, siteCookie } from "./site-cookie.ts";

const COOKIE = { name: "el_session", path: "/api/v1/admin" };

/** The session's value as the browser sent it, or undefined. */
export function sessionOf(c: Context<AppEnv>): string | undefined {
  return readSiteCookie(c, COOKIE);
}

/** The `Set-Cookie` headers that store a session for its lifetime. */
export function keepSession(c: Context<AppEnv>, value: string): string[] {
  return [siteCookie(c, COOKIE, value, SESSION_MS / 1000), ...clearUnprefixed(c)];
}

/** The `Set-Cookie` headers that remove it. */
export function clearSession(c: Context<AppEnv>): string[] {
  return [siteCookie(c, COOKIE, "", 0), ...clearUnprefixed(c)];
}

/** Removes a cookie without the prefix, from an earlier version: it is no longer valid. */
function clearUnprefixed(c: Context<AppEnv>): string[] {
  return isSecure(c) && getCookie(c, COOKIE.name) !== undefined ? [siteCookie(c, COOKIE, "", 0, false)] : [];
}
