/** The cookie of a customer's session. Browsers send it with this site's own calls of the portal's API only, and hide it from scripts. */
import type { Context } from "hono";
import { generateCookie, getCookie } from "hono/cookie";
import type { AppEnv } from "../../edge/app-env.ts";
import { PORTAL } from "../endpoint.ts";
import { type PortalCredential, readPortalCredential } from "./portal-credential.ts";

/** Prefixed with `__Secure-` on https, as the dashboard's (session-cookie.ts says why). */
const NAME = "el_portal";

/** The session that the browser presents, not checked yet; null if its cookie is missing or cannot be one. */
export async function presentedSession(c: Context<AppEnv>): Promise<PortalCredential | null> {
  return readPortalCredential((isSecure(c) ? getCookie(c, NAME, "secure") : getCookie(c, NAME)) ?? "");
}

/** The `Set-Cookie` header that keeps a session until it expires. */
export function keepPortal(c: Context<AppEnv>, value: string, expiresMs: number): string {
  return cookie(c, value, Math.max(0, Math.floor((expiresMs - Date.now()) / 1_000)));
}

/** The `Set-Cookie` header that removes it. */
export function clearPortal(c: Context<AppEnv>): string {
  return cookie(c, "", 0);
}

function cookie(c: Context<AppEnv>, value: string, maxAge: number): string {
  // With a wider path, sessions would go to the upstream behind the gateway.
  const attributes = { path: PORTAL, httpOnly: true, sameSite: "Strict", maxAge } as const;
  return generateCookie(NAME, value, isSecure(c) ? { ...attributes, prefix: "secure" } : attributes);
}

/** Browsers drop a Secure cookie set over plain http, as on a developer's machine. */
function isSecure(c: Context<AppEnv>): boolean {
  return new URL(c.req.url).protocol === "https:";
}
