/**
 * Whether a browser sent a request for this site or for another one: the defence against cross-site request forgery, for credentials
 * that browsers add automatically.
 *
 * Pages cannot set either header. `Sec-Fetch-Site` (W3C Fetch Metadata) takes precedence, because it survives a proxy that renames the
 * host. Browsers send it on https and on localhost only, and `Origin` with every request that is not a plain read.
 */

/** `unknown`: neither header is present, so the client is not a browser, or this is a plain read. */
export type RequestOrigin = "same" | "other" | "unknown";

export function requestOrigin(request: Request): RequestOrigin {
  const site = request.headers.get("Sec-Fetch-Site");
  if (site !== null) return site === "same-origin" ? "same" : "other";
  const origin = request.headers.get("Origin");
  if (origin !== null) return origin === new URL(request.url).origin ? "same" : "other";
  return "unknown";
}

/** Whether a request only reads. Opening a WebSocket does not count, although it is a GET: any page may try. */
export function isPlainRead(request: Request): boolean {
  return ["GET", "HEAD", "OPTIONS"].includes(request.method) && !request.headers.has("Upgrade");
}
