/**
 * Faults, and their only mapping to the wire: `application/problem+json` (RFC 9457), in the same format as the gateway's
 * problems. Must never contain a stack trace, an internal name or a value from the request.
 */

/**
 * An error in a request. `path` is a JSON Pointer (RFC 6901) into the body, or into the query as an object.
 */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** All expected faults, and `bug` for unexpected exceptions. */
export type Fault =
  | { readonly kind: "malformed"; readonly errors: readonly FieldError[] }
  | { readonly kind: "too-large"; readonly limitBytes: number }
  | { readonly kind: "invalid"; readonly errors: readonly FieldError[] }
  | { readonly kind: "not-found" }
  | { readonly kind: "method-not-allowed"; readonly allow: readonly string[] }
  | { readonly kind: "upgrade-required" }
  | { readonly kind: "outage" }
  | { readonly kind: "bug" };

interface Wire {
  readonly status: number;
  /** The status's reason phrase, as RFC 9457 section 4.2.1 requires for the type `about:blank`. */
  readonly title: string;
  readonly code: string;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: readonly FieldError[];
}

/**
 * The response to `request` for `fault`. Uses only the X-Request-Id of the request, which the gateway sets.
 */
export function problem(request: Request, fault: Fault): Response {
  const { headers, ...members } = wire(fault);
  const body = { type: "about:blank", ...members, requestId: requestId(request) };
  return new Response(JSON.stringify(body), {
    status: members.status,
    headers: { ...headers, "Content-Type": "application/problem+json", "Cache-Control": "no-store" },
  });
}

function wire(fault: Fault): Wire {
  switch (fault.kind) {
    case "malformed":
      return {
        status: 400,
        title: "Bad Request",
        code: "invalid_request",
        detail: "The request could not be read.",
        errors: fault.errors,
      };
    case "too-large":
      return {
        status: 413,
        title: "Content Too Large",
        code: "invalid_request",
        detail: `The body is larger than ${fault.limitBytes} bytes.`,
        errors: [{ path: "", message: `must be at most ${fault.limitBytes} bytes` }],
      };
    case "invalid":
      return {
        status: 422,
        title: "Unprocessable Content",
        code: "invalid_request",
        detail: "The body does not have the format that this endpoint requires.",
        errors: fault.errors,
      };
    case "not-found":
      return { status: 404, title: "Not Found", code: "not_found", detail: "GET / lists the endpoints." };
    case "method-not-allowed": {
      const allow = fault.allow.join(", ");
      return {
        status: 405,
        title: "Method Not Allowed",
        code: "method_not_allowed",
        detail: `This path accepts ${allow}.`,
        headers: { Allow: allow },
      };
    }
    case "upgrade-required":
      return {
        status: 426,
        title: "Upgrade Required",
        code: "invalid_request",
        detail: "This path accepts only WebSocket connections.",
        headers: { Upgrade: "websocket", Connection: "Upgrade" },
        errors: [{ path: "", message: "must be a WebSocket handshake" }],
      };
    case "outage":
      return {
        status: 503,
        title: "Service Unavailable",
        code: "outage",
        detail: "This origin is stopped for a while.",
      };
    case "bug":
      return {
        status: 500,
        title: "Internal Server Error",
        code: "internal_error",
        detail: "An unexpected error occurred. Try again later.",
      };
  }
}

function requestId(request: Request): string {
  const given = request.headers.get("X-Request-Id");
  return given !== null && /^[\w.-]{1,64}$/.test(given) ? given : crypto.randomUUID();
}

/** The JSON Pointer (RFC 6901) of these steps. */
export function jsonPointer(steps: readonly PropertyKey[]): string {
  return steps.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
