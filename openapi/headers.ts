/** Response headers that the document names. */

interface HeaderNotes {
  readonly description: string;
  readonly schema: { readonly type: "string" | "integer" };
  readonly example: string | number;
}

export const HEADERS = {
  "X-Request-Id": {
    description: "The request's id in the logs, also a member of every problem.",
    schema: { type: "string" },
    example: "c1448614-a9af-4ce0-8ea5-08d0c3fa0f8d",
  },
  ETag: {
    description: "The version, to be sent back in If-Match or If-None-Match.",
    schema: { type: "string" },
    example: '"7"',
  },
  "Retry-After": {
    description: "Seconds, rounded up, after which to try again.",
    schema: { type: "integer" },
    example: 6,
  },
  RateLimit: {
    description:
      "What is left (r) and in how many seconds more is there (t; of slots at most 1), by draft-ietf-httpapi-ratelimit-headers.",
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
    description: "The session: HttpOnly, SameSite=Strict, and on https Secure, with the prefix `__Secure-`.",
    schema: { type: "string" },
    example:
      "__Secure-el_session=eyJpZCI6...; Max-Age=28800; Path=/api/v1/admin; HttpOnly; Secure; SameSite=Strict",
  },
  Link: {
    description: "The next page, where there is one (RFC 8288).",
    schema: { type: "string" },
    example: '</api/v1/admin/accounts/acme/usage?format=csv&limit=1&cursor=MQ>; rel="next"',
  },
  "Cache-Control": {
    description: "no-store: the answer is for the caller alone.",
    schema: { type: "string" },
    example: "no-store",
  },
  "Content-Security-Policy": {
    description: "Lets in what comes from this host, and nothing else.",
    schema: { type: "string" },
    example:
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'",
  },
} as const satisfies Record<string, HeaderNotes>;

export type HeaderName = keyof typeof HEADERS;
