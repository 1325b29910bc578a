/** The cookie that carries a session: for this site's own requests only, and out of reach of scripts. */
import type { Context } from "hono";
import { generateCookie, getCookie } from "hono/cookie";
import type { AppEnv } from "../../edge/app-env.ts";
import { SESSION_MS } from "../../identity/admin/admin-sessions.ts";

/**
 * On https with the prefix `__Secure-`: browsers accept such a cookie from https only, so a page over plain http cannot set it.
 * `__Host-` would also keep sibling subdomains from setting it, but demands the path `/`, see below.
 */
const NAME = "el_session";
/**
 * Sent nowhere else, above all not with requests that the gateway forwards, or that another Worker or server on this host gets: with a
 * wider path they would carry the sessions of administrators who visit them. The dashboard's own pages are the same for everyone and need
 * no session.
 */
const PATH = "/api/v1/admin";

/** What the browser sent, or undefined. */
export function sessionOf(c: Context<AppEnv>): string | undefined {
  return isSecure(c) ? getCookie(c, NAME, "secure") : getCookie(c, NAME);
}

/** The `Set-Cookie` headers that keep a session for as long as it lasts. */
export function keepSession(c: Context<AppEnv>, value: string): string[] {
  return [cookie(value, SESSION_MS / 1000, isSecure(c)), ...clearUnprefixed(c)];
}

/** The `Set-Cookie` headers that remove it. */
export function clearSession(c: Context<AppEnv>): string[] {
  return [cookie("", 0, isSecure(c)), ...clearUnprefixed(c)];
}

/** Removes a cookie from before the prefix, which is no longer valid. */
function clearUnprefixed(c: Context<AppEnv>): string[] {
  return isSecure(c) && getCookie(c, NAME) !== undefined ? [cookie("", 0, false)] : [];
}

function cookie(value: string, maxAge: number, isPrefixed: boolean): string {
  const attributes = { path: PATH, httpOnly: true, sameSite: "Strict", maxAge } as const;
  return generateCookie(NAME, value, isPrefixed ? { ...attributes, prefix: "secure" } : attributes);
}

/** A browser drops a Secure cookie that comes over plain http, as it does on a developer's machine. */
function isSecure(c: Context<AppEnv>): boolean {
  return new URL(c.req.url).protocol === "https:";
}
