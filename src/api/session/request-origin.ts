/**
 * Whether a browser sent a request on behalf of this site or of another one: the defence against cross-site request forgery,
 * for credentials that a browser adds by itself.
 *
 * Neither header can be set by a page. `Sec-Fetch-Site` (W3C Fetch Metadata) comes first, since a proxy that renames the host
 * does not break it; browsers send it on https and on localhost only, and `Origin` with every request that is not a plain read.
 */

/** `unknown`: neither header is there, so it is no browser (or a plain read). */
export type RequestOrigin = "same" | "other" | "unknown";

export function requestOrigin(request: Request): RequestOrigin {
  const site = request.headers.get("Sec-Fetch-Site");
  if (site !== null) return site === "same-origin" ? "same" : "other";
  const origin = request.headers.get("Origin");
  if (origin !== null) return origin === new URL(request.url).origin ? "same" : "other";
  return "unknown";
}

/** Whether it only reads. A WebSocket does not: it is opened with GET, and any page may try to. */
export function isPlainRead(request: Request): boolean {
  return ["GET", "HEAD", "OPTIONS"].includes(request.method) && !request.headers.has("Upgrade");
}
