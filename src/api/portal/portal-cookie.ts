/** The cookie of a customer's session. */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import { PORTAL } from "../endpoint.ts";
import { readSiteCookie, siteCookie } from "../session/site-cookie.ts";
import { type PortalCredential, readPortalCredential } from "./portal-credential.ts";

const COOKIE = { name: "el_portal", path: PORTAL };

/** The session that the browser presents, not checked yet; null if its cookie is missing or cannot be one. */
export async function presentedSession(c: Context<AppEnv>): Promise<PortalCredential | null> {
  return readPortalCredential(readSiteCookie(c, COOKIE) ?? "");
}

/** The `Set-Cookie` header that keeps a session until it expires. */
export function portalCookie(c: Context<AppEnv>, value: string, expiresMs: number): string {
  return siteCookie(c, COOKIE, value, Math.max(0, Math.floor((expiresMs - Date.now()) / 1_000)));
}

/** The `Set-Cookie` header that removes it. */
export function expiredPortalCookie(c: Context<AppEnv>): string {
  return siteCookie(c, COOKIE, "", 0);
}
