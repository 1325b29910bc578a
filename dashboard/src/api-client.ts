/** Calls of the admin API from the page. Never keeps the token: the session is a cookie that scripts cannot read. */

export type Outcome<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "signed-out" }
  | { readonly kind: "failed"; readonly detail: string };

const DEADLINE_MS = 10_000;

/**
 * Calls `path`, and parses the answer with `parse`, which gives null for what is not of its shape. Never rejects.
 */
export async function call<T>(
  method: "GET" | "POST",
  path: string,
  parse: (body: unknown) => T | null,
  body?: unknown,
): Promise<Outcome<T>> {
  try {
    const response = await fetch(path, {
      method,
      signal: AbortSignal.timeout(DEADLINE_MS),
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
    });
    const answer: unknown = await response.json();
    if (response.status === 401) return { kind: "signed-out" };
    if (!response.ok) return { kind: "failed", detail: `${response.status}: ${detailOf(answer)}` };
    const value = parse(answer);
    return value === null
      ? { kind: "failed", detail: "The answer is not of a known shape: reload the page." }
      : { kind: "ok", value };
  } catch (error) {
    return { kind: "failed", detail: `No answer from the Worker (${String(error)}). It is asked again.` };
  }
}

/** A problem's own words (RFC 9457). */
function detailOf(body: unknown): string {
  const said = isRecord(body) ? (body["detail"] ?? body["title"]) : null;
  return typeof said === "string" ? said : "The Worker gave no reason.";
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
