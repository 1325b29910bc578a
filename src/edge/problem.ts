/**
 * Problems: every error a client gets, as `application/problem+json` (RFC 9457).
 *
 * The one place that maps a code to its status, type and title. Vague on purpose: never a stack, an internal name or a secret.
 */
import { MAX_OPEN_RESERVATIONS } from "../core/reservation-book.ts";
import type { Fault } from "../policy/fault.ts";

const REGISTRY = "https://iana.org/assignments/http-problem-types";
/** The status alone describes the problem (RFC 9457, section 4.2.1). */
const BLANK = "about:blank";

const QUOTA_EXCEEDED = {
  status: 429,
  type: `${REGISTRY}#quota-exceeded`,
  title: "Request cannot be satisfied as assigned quota has been exceeded",
} as const;

const PROBLEMS = {
  invalid_request: { status: 400, type: BLANK, title: "Bad Request" },
  too_large: { status: 413, type: BLANK, title: "Content Too Large" },
  invalid_content: { status: 422, type: BLANK, title: "Unprocessable Content" },
  invalid_credentials: { status: 401, type: BLANK, title: "Unauthorized" },
  credits_exhausted: { status: 402, type: BLANK, title: "Payment Required" },
  payment_overdue: { status: 402, type: BLANK, title: "Payment Required" },
  blocked: { status: 403, type: BLANK, title: "Forbidden" },
  denied_by_rule: { status: 403, type: BLANK, title: "Forbidden" },
  forbidden: { status: 403, type: BLANK, title: "Forbidden" },
  invalid_proxy_key: { status: 403, type: BLANK, title: "Forbidden" },
  not_found: { status: 404, type: BLANK, title: "Not Found" },
  reservation_gone: { status: 404, type: BLANK, title: "Not Found" },
  not_acceptable: { status: 406, type: BLANK, title: "Not Acceptable" },
  method_not_allowed: { status: 405, type: BLANK, title: "Method Not Allowed" },
  idempotency_mismatch: { status: 422, type: BLANK, title: "Unprocessable Content" },
  conflict: { status: 409, type: BLANK, title: "Conflict" },
  currency_differs: { status: 409, type: BLANK, title: "Conflict" },
  invoice_issued: { status: 409, type: BLANK, title: "Conflict" },
  exceeds_uncredited: { status: 422, type: BLANK, title: "Unprocessable Content" },
  period_closed: { status: 409, type: BLANK, title: "Conflict" },
  revision_mismatch: { status: 412, type: BLANK, title: "Precondition Failed" },
  upgrade_required: { status: 426, type: BLANK, title: "Upgrade Required" },
  precondition_required: { status: 428, type: BLANK, title: "Precondition Required" },
  quota_exceeded: QUOTA_EXCEEDED,
  spend_cap_reached: QUOTA_EXCEEDED,
  budget_reached: QUOTA_EXCEEDED,
  flood: {
    status: 429,
    type: `${REGISTRY}#abnormal-usage-detected`,
    title: "Request not satisfied due to detection of abnormal request pattern",
  },
  overloaded: { status: 429, type: BLANK, title: "Too Many Requests" },
  too_many_reservations: { status: 429, type: BLANK, title: "Too Many Requests" },
  internal_error: { status: 500, type: BLANK, title: "Internal Server Error" },
  upstream_error: { status: 502, type: BLANK, title: "Bad Gateway" },
  temporary_reduced_capacity: {
    status: 503,
    type: `${REGISTRY}#temporary-reduced-capacity`,
    title: "Request cannot be satisfied due to temporary server capacity constraints",
  },
  not_configured: { status: 503, type: BLANK, title: "Service Unavailable" },
  upstream_timeout: { status: 504, type: BLANK, title: "Gateway Timeout" },
  loop_detected: { status: 508, type: BLANK, title: "Loop Detected" },
} as const;

/** The detail of an `idempotency_mismatch` of a decision. */
export const MISMATCH = "This idempotency key was used with other parameters in the last ten minutes.";

/** The detail of a `reservation_gone`. */
export const RESERVATION_GONE =
  "There is no such reservation of this user: it has expired and stays charged, or was settled more than ten minutes ago.";

/** The detail of a `too_many_reservations`. */
export const TOO_MANY_RESERVATIONS = `This user has ${MAX_OPEN_RESERVATIONS} open reservations. Settle one, or retry after 1 s.`;

export type ProblemKind = keyof typeof PROBLEMS;

/** On the wire, 400, 413 and 422 have the same code: the status distinguishes them. */
const CODE: Partial<Record<ProblemKind, string>> = {
  too_large: "invalid_request",
  invalid_content: "invalid_request",
};

export interface ProblemExtras {
  readonly errors?: readonly Fault[];
  readonly "violated-policies"?: readonly string[];
  /** Sent as a header, rounded up to seconds. */
  readonly retryAfterMs?: number | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Retry-After of a temporary failure whose end is unknown. */
export const RETRY_MS = 1_000;

/** Headers of every problem. The runtime copies them, which is cheaper than writing them anew. */
const HEADERS = new Headers({
  "Content-Type": "application/problem+json",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
});

/** The response to one problem. `detail` is a sentence for the client's developer. */
export function problem(
  kind: ProblemKind,
  detail: string,
  requestId: string,
  extras: ProblemExtras = {},
): Response {
  const { retryAfterMs = null, headers: more } = extras;
  const response = new Response(problemBody(kind, detail, requestId, extras), {
    status: PROBLEMS[kind].status,
    headers: HEADERS,
  });
  const { headers } = response;
  headers.set("X-Request-Id", requestId);
  for (const name in more) headers.set(name, more[name] ?? "");
  if (retryAfterMs !== null) headers.set("Retry-After", String(secondsOf(retryAfterMs)));
  return response;
}

/** The JSON text of a problem. */
export function problemBody(
  kind: ProblemKind,
  detail: string,
  requestId: string,
  { errors, "violated-policies": violated }: Pick<ProblemExtras, "errors" | "violated-policies">,
): string {
  const { status, type, title } = PROBLEMS[kind];
  // JSON.stringify leaves out undefined fields.
  return JSON.stringify({
    type,
    title,
    status,
    detail,
    code: CODE[kind] ?? kind,
    requestId,
    errors,
    "violated-policies": violated,
  });
}

/** A copy of the headers that every problem has. */
export function problemHeaders(): Headers {
  return new Headers(HEADERS);
}

export const QUOTA_EXCEEDED_STATUS = PROBLEMS.quota_exceeded.status;

/** Retry-After as it is sent: whole seconds, rounded up, at least 1. */
export function secondsOf(retryAfterMs: number): number {
  return Math.max(1, Math.ceil(retryAfterMs / 1000));
}

/** 503 for a temporary failure. @param detail what is unavailable, as a sentence; the time to retry is added to it. */
export function unavailable(detail: string, requestId: string, retryAfterMs = RETRY_MS): Response {
  const advice = `${detail} Retry after ${secondsOf(retryAfterMs)} s.`;
  return problem("temporary_reduced_capacity", advice, requestId, { retryAfterMs });
}

/** The response to an unexpected exception. */
export function unhandled(requestId: string): Response {
  return problem(
    "internal_error",
    "An unexpected error occurred. The log has it under this request id.",
    requestId,
  );
}

/** 401 with the challenge that RFC 9110 asks for. */
export function unauthorized(
  detail: string,
  requestId: string,
  more: Readonly<Record<string, string>> = {},
): Response {
  return problem("invalid_credentials", detail, requestId, {
    headers: { "WWW-Authenticate": 'Bearer realm="edge-limiter"', ...more },
  });
}
