/**
 * Faults, and their one mapping to the wire: `application/problem+json` (RFC 9457), in the shape that the
 * gateway's own problems have. Must never carry a stack, an internal name or a value that the caller sent.
 */

/**
 * One thing wrong with a request. `path` is a JSON Pointer (RFC 6901) into the body, or into the query as an
 * object.
 */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** Everything that can go wrong on purpose, and `bug` for what cannot. */
export type Fault =
  | { readonly kind: "malformed"; readonly errors: readonly FieldError[] }
  | { readonly kind: "too-large"; readonly limitBytes: number }
  | { readonly kind: "invalid"; readonly errors: readonly FieldError[] }
  | { readonly kind: "not-found" }
  | { readonly kind: "method-not-allowed"; readonly allow: readonly string[] }
  | { readonly kind: "upgrade-required" }
  | { readonly kind: "bug" };

interface Wire {
  readonly status: number;
  /** The status's own phrase, as RFC 9457 section 4.2.1 asks of the type `about:blank`. */
  readonly title: string;
  readonly code: string;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: readonly FieldError[];
}

/**
 * The answer to `request` for `fault`. The request lends its X-Request-Id, which the gateway sets, and
 * nothing else.
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
        detail: "The body was read, but is not what this endpoint takes.",
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
        detail: `This path takes ${allow}.`,
        headers: { Allow: allow },
      };
    }
    case "upgrade-required":
      return {
        status: 426,
        title: "Upgrade Required",
        code: "invalid_request",
        detail: "This path speaks WebSocket only.",
        headers: { Upgrade: "websocket", Connection: "Upgrade" },
        errors: [{ path: "", message: "must be a WebSocket handshake" }],
      };
    case "bug":
      return {
        status: 500,
        title: "Internal Server Error",
        code: "internal_error",
        detail: "This is ours to mend.",
      };
  }
}

function requestId(request: Request): string {
  const given = request.headers.get("X-Request-Id");
  return given !== null && /^[\w.-]{1,64}$/.test(given) ? given : crypto.randomUUID();
}

/** A JSON Pointer (RFC 6901) of the given steps. */
export function jsonPointer(steps: readonly PropertyKey[]): string {
  return steps.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
