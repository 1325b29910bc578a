/** Calls of the admin API from the page. Never keeps a token: the session is a cookie that scripts cannot read. */

export type Outcome<T> =
  | { readonly kind: "ok"; readonly value: T; readonly headers: Headers }
  | { readonly kind: "signed-out" }
  | Failed;

export interface Failed {
  readonly kind: "failed";
  /** 0 if there was no answer. */
  readonly status: number;
  readonly detail: string;
  readonly body: unknown;
  /** When to ask again, if the answer says so. */
  readonly retryAfterMs: number | null;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the call early: whoever asked is not there any more. */
  readonly signal?: AbortSignal;
}

const DEADLINE_MS = 10_000;

/**
 * Calls `path`, and parses the answer (null: no JSON) with `parse`, which gives null for what is not of its shape. Never rejects.
 */
export async function call<T>(
  method: Method,
  path: string,
  parse: (body: unknown) => T | null,
  { body, headers, signal }: CallOptions = {},
): Promise<Outcome<T>> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  try {
    const response = await fetch(path, {
      method,
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = json(text);
    if (response.status === 401) return { kind: "signed-out" };
    if (!response.ok) {
      const retryAfterMs = retryAfterOf(response.headers);
      return failed(response.status, detailOf(response.status, answer), answer, retryAfterMs);
    }
    const value = parse(answer ?? text);
    return value === null
      ? failed(response.status, "The answer is not of a known shape: reload the page.", answer)
      : { kind: "ok", value, headers: response.headers };
  } catch {
    const detail = deadline.aborted
      ? `The Worker did not answer in ${DEADLINE_MS / 1_000} s.`
      : "The Worker cannot be reached: is it running, and is there a network?";
    return failed(0, detail, null);
  }
}

function failed(
  status: number,
  detail: string,
  body: unknown,
  retryAfterMs: number | null = null,
): Outcome<never> {
  return { kind: "failed", status, detail, body, retryAfterMs };
}

function retryAfterOf(headers: Headers): number | null {
  const seconds = headers.get("Retry-After");
  return seconds !== null && /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1_000 : null;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A problem's own words (RFC 9457). */
function detailOf(status: number, body: unknown): string {
  const said = isRecord(body) ? (body["detail"] ?? body["title"]) : null;
  return typeof said === "string" ? said : `The Worker answered ${status} and gave no reason.`;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
