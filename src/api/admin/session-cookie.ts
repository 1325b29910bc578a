/** The cookie that carries a session: for this site's own requests only, and out of reach of scripts. */
import type { Context } from "hono";
import { generateCookie, getCookie } from "hono/cookie";
import type { AppEnv } from "../../gateway/app-env.ts";
import { SESSION_MS } from "../../identity/admin/admin-sessions.ts";

const NAME = "el_session";
/**
 * Nowhere else, above all not with requests that the gateway forwards: on a wider path every upstream would be sent the
 * sessions of administrators who visit it. The dashboard's own pages are the same for everybody and need none.
 */
const PATH = "/api/v1/admin";

/** What the browser sent, or undefined. */
export function sessionOf(c: Context<AppEnv>): string | undefined {
  return getCookie(c, NAME);
}

/** The `Set-Cookie` that keeps a session for as long as it lasts. */
export function keepSession(c: Context<AppEnv>, value: string): string {
  return cookie(c, value, SESSION_MS / 1000);
}

/** The `Set-Cookie` that removes it. */
export function clearSession(c: Context<AppEnv>): string {
  return cookie(c, "", 0);
}

function cookie(c: Context<AppEnv>, value: string, maxAge: number): string {
  // A browser drops a Secure cookie that comes over plain http, as it does on a developer's machine.
  const secure = new URL(c.req.url).protocol === "https:";
  return generateCookie(NAME, value, { path: PATH, httpOnly: true, sameSite: "Strict", secure, maxAge });
}
