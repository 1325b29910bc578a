/** The running product: plain GETs with a deadline. Never follows redirects, never sends credentials, never throws. */
import { parsed } from "./fields.ts";

export type TargetAnswer =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers: Headers;
      /** Undefined if the body is not JSON. */
      readonly body: unknown;
      readonly sentAtMs: number;
      readonly answeredAtMs: number;
    }
  | { readonly kind: "redirect"; readonly status: number; readonly location: string }
  | { readonly kind: "unreachable"; readonly reason: string };

/** The product answers within milliseconds, after a cold start far away within a second or two. */
const REQUEST_TIMEOUT_MS = 10_000;

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "it closed the connection",
  ENOTFOUND: "the name does not resolve",
  EAI_AGAIN: "the name does not resolve: check the network",
  CERT_HAS_EXPIRED: "its certificate has expired",
};

/** Sends one GET, with these headers of its own. A redirect of one of the limiter's own paths means that the URL is not the limiter's. */
export async function ask(
  base: URL,
  path: string,
  own: Readonly<Record<string, string>> = {},
): Promise<TargetAnswer> {
  const sentAtMs = Date.now();
  try {
    const response = await fetch(new URL(path, base), {
      redirect: "manual",
      headers: { Accept: "application/json", ...own },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const answeredAtMs = Date.now();
    const body = parsed(await response.text());
    const { status, headers } = response;
    const location = headers.get("Location");
    if (status >= 300 && status < 400 && location !== null) return { kind: "redirect", status, location };
    return { kind: "answer", status, headers, body, sentAtMs, answeredAtMs };
  } catch (thrown) {
    return { kind: "unreachable", reason: reasonOf(thrown) };
  }
}

/** Why a request got no answer, in plain words. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.name === "TimeoutError") return `no answer within ${REQUEST_TIMEOUT_MS / 1000} s`;
  const { cause } = thrown;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return REASONS[code] ?? (cause instanceof Error ? cause.message || code : thrown.message);
}

/** Whether the URL's host is this machine. If so, state and secrets are here and Cloudflare is not involved. */
export function isThisMachine({ hostname }: URL): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    hostname.startsWith("127.")
  );
}

/** A product by its URL. Requests each path once, so that all checks see the same answer. */
export class Target {
  readonly url: URL;
  readonly #answers = new Map<string, Promise<TargetAnswer>>();

  constructor(url: URL) {
    this.url = url;
  }

  get(path: string): Promise<TargetAnswer> {
    const known = this.#answers.get(path);
    if (known) return known;
    const answer = ask(this.url, path);
    this.#answers.set(path, answer);
    return answer;
  }
}
