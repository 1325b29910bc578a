/** The response headers that the document describes. */

interface HeaderNotes {
  readonly description: string;
  readonly schema: { readonly type: "string" | "integer" };
  readonly example: string | number;
}

export const HEADERS = {
  "X-Request-Id": {
    description: "The request's id in the logs; also in the body of every problem.",
    schema: { type: "string" },
    example: "c1448614-a9af-4ce0-8ea5-08d0c3fa0f8d",
  },
  "X-User-Tier": {
    description: "The tier that applies to the caller.",
    schema: { type: "string" },
    example: "pro",
  },
  ETag: {
    description: "The version. Send it in If-Match or If-None-Match.",
    schema: { type: "string" },
    example: '"7"',
  },
  "Retry-After": {
    description: "Seconds to wait before retrying, rounded up.",
    schema: { type: "integer" },
    example: 6,
  },
  RateLimit: {
    description:
      "Remaining quota (r) and seconds until more is available (t; at most 1 for slots), by draft-ietf-httpapi-ratelimit-headers.",
    schema: { type: "string" },
    example: '"login";r=0;t=6',
  },
  "RateLimit-Policy": {
    description: "The limits in force: quota (q) and window in seconds (w).",
    schema: { type: "string" },
    example: '"login";q=10;w=60',
  },
  "WWW-Authenticate": {
    description: "The challenge.",
    schema: { type: "string" },
    example: 'Bearer realm="edge-limiter"',
  },
  "Set-Cookie": {
    description: "The session: HttpOnly, SameSite=Strict, and on https Secure with the prefix `__Secure-`.",
    schema: { type: "string" },
    example:
      "__Secure-el_session=eyJpZCI6...; Max-Age=28800; Path=/api/v1/admin; HttpOnly; Secure; SameSite=Strict",
  },
  Link: {
    description: "The next page, if any (RFC 8288).",
    schema: { type: "string" },
    example: '</api/v1/admin/accounts/acme/usage?format=csv&limit=1&cursor=MQ>; rel="next"',
  },
  "Cache-Control": {
    description: "no-store: the response is for the caller only.",
    schema: { type: "string" },
    example: "no-store",
  },
  "Content-Security-Policy": {
    description: "Allows content from this host only.",
    schema: { type: "string" },
    example:
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'",
  },
} as const satisfies Record<string, HeaderNotes>;

export type HeaderName = keyof typeof HEADERS;
