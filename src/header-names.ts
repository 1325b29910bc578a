/**
 * Names of headers that only this Worker may set, in lower case. An upstream trusts what its gateway says of the caller, so a name counts
 * in every spelling that a server may fold into it. docs/gateway.md lists them for operators.
 */
export const USER_ID_HEADER = "X-User-Id";
export const USER_TIER_HEADER = "X-User-Tier";
/** Counts the gateways that a request has passed. */
export const HOPS_HEADER = "Edge-Limiter-Hops";

/** Headers that concern one connection only. `upgrade` and `connection` are restored for a WebSocket. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Claims about the caller or the connection that only a proxy may make. */
const CLAIMS = new Set([
  USER_ID_HEADER.toLowerCase(),
  USER_TIER_HEADER.toLowerCase(),
  HOPS_HEADER.toLowerCase(),
  "x-request-id",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-host",
  "x-remote-user",
  "x-forwarded",
  "x-original-forwarded-for",
  "forwarded",
  "forwarded-for",
  "client-ip",
  "true-client-ip",
  "wl-proxy-client-ip",
  "remote-user",
  // CGI turns it into HTTP_PROXY, by which programs choose their own proxy.
  "proxy",
  "fastly-client-ip",
  // Set again from the request: see forwardedHeaders.
  "cf-connecting-ip",
  "cf-connecting-ipv6",
]);
/** Prefixes of further claims. */
const CLAIM_PREFIXES = ["x-forwarded-", "cf-access-", "proxy-"];

/** Headers that make some servers handle another method or path than the one that was limited. A route may let them pass. */
export const OVERRIDES: ReadonlySet<string> = new Set([
  "x-http-method-override",
  "x-http-method",
  "x-method-override",
  "x-original-url",
  "x-rewrite-url",
]);

/** Limit headers, by prefix: two gateways' numbers in one response would contradict each other. */
const LIMIT_HEADERS = ["ratelimit", "x-ratelimit", "x-rate-limit", "x-quota-overage"];

/** CGI, WSGI and PHP read `_` as `-`, and some servers map every special character to `_`. */
const SPECIAL = /[^a-z0-9-]/g;

/** The one spelling of a name for all that servers may fold into it. `name` is in lower case. */
export function foldedName(name: string): string {
  return name.replace(SPECIAL, "-");
}

/** Whether a folded name is a claim that only a proxy may make. */
export function isClaim(folded: string): boolean {
  return CLAIMS.has(folded) || CLAIM_PREFIXES.some((prefix) => folded.startsWith(prefix));
}

export function isOverride(folded: string): boolean {
  return OVERRIDES.has(folded);
}

export function isLimitHeader(name: string): boolean {
  return LIMIT_HEADERS.some((prefix) => name.startsWith(prefix));
}
