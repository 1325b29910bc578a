/** Calls the API: the dashboard's and the portal's. Never holds a token: the session is a cookie that scripts cannot read. */

/** The result of a call. */
export type ApiOutcome<T> =
  | { readonly kind: "ok"; readonly value: T; readonly headers: Headers }
  | { readonly kind: "signed-out" }
  | FailedCall;

export interface FailedCall {
  readonly kind: "failed";
  /** The HTTP status; 0 without a response. */
  readonly status: number;
  /** For people: what went wrong. */
  readonly detail: string;
  /** The body, parsed; null if it is not JSON. */
  readonly body: unknown;
  /** From `Retry-After`; null without it. */
  readonly retryAfterMs: number | null;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

const DEADLINE_MS = 10_000;

/**
 * Calls `path` and parses the response with `parse`, which returns null for an unexpected shape. A response that is not JSON is
 * passed to `parse` as text. Never rejects.
 */
export async function call<T>(
  method: Method,
  path: string,
  parse: (body: unknown) => T | null,
  { body, headers, signal }: CallOptions = {},
): Promise<ApiOutcome<T>> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  try {
    const response = await fetch(path, {
      method,
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = parseJson(text);
    if (response.status === 401) return { kind: "signed-out" };
    if (!response.ok) {
      const retryAfterMs = retryAfterOf(response.headers);
      return failed(response.status, detailOf(response.status, answer), answer, retryAfterMs);
    }
    const value = parse(answer ?? text);
    return value === null
      ? failed(response.status, "The server and this page have different versions: reload the page.", answer)
      : { kind: "ok", value, headers: response.headers };
  } catch {
    const detail = deadline.aborted
      ? `The server did not answer within ${DEADLINE_MS / 1_000} s.`
      : "The server cannot be reached. Check that you are online.";
    return failed(0, detail, null);
  }
}

function failed(
  status: number,
  detail: string,
  body: unknown,
  retryAfterMs: number | null = null,
): ApiOutcome<never> {
  return { kind: "failed", status, detail, body, retryAfterMs };
}

function retryAfterOf(headers: Headers): number | null {
  const seconds = headers.get("Retry-After");
  return seconds !== null && /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1_000 : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The message of a problem (RFC 9457). */
function detailOf(status: number, body: unknown): string {
  const message = isRecord(body) ? (body["detail"] ?? body["title"]) : null;
  return typeof message === "string" ? message : `The server answered ${status} without a reason.`;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
