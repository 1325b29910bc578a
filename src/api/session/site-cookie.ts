/** Cookies that carry a session. Browsers send them with this site's own requests only and hide them from scripts. */
import type { Context } from "hono";
import { generateCookie, getCookie } from "hono/cookie";
import type { AppEnv } from "../../edge/app-env.ts";

export interface SiteCookie {
  /**
   * Prefixed with `__Secure-` on https: browsers accept that prefix from https only, so a page over plain http cannot set the cookie.
   * `__Host-` would also stop sibling subdomains, but requires the path `/`, see below.
   */
  readonly name: string;
  /** With a wider path, sessions would go to the upstream behind the gateway and to other Workers or servers on this host. */
  readonly path: string;
}

/** The cookie's value as the browser sent it, or undefined. */
export function readSiteCookie(c: Context<AppEnv>, { name }: SiteCookie): string | undefined {
  return isSecure(c) ? getCookie(c, name, "secure") : getCookie(c, name);
}

/** The `Set-Cookie` header that stores a value. @param maxAge seconds; 0 removes the cookie. */
export function siteCookie(
  c: Context<AppEnv>,
  { name, path }: SiteCookie,
  value: string,
  maxAge: number,
  isPrefixed = isSecure(c),
): string {
  const attributes = { path, httpOnly: true, sameSite: "Strict", maxAge } as const;
  return generateCookie(name, value, isPrefixed ? { ...attributes, prefix: "secure" } : attributes);
}

/** Browsers drop a Secure cookie set over plain http, as on a developer's machine. */
export function isSecure(c: Context<AppEnv>): boolean {
  return new URL(c.req.url).protocol === "https:";
}
