/**
 * The deployment that the environment names, and calls of its admin API. The token comes from the environment alone, so that it is in no
 * history of a shell and in no list of processes, and no output has it.
 */
import { Failure } from "./failure.ts";

const TIMEOUT_MS = 30_000;
const LOCAL = /^(localhost|127(\.\d+){3}|\[::1\])$/;

export type Json = Readonly<Record<string, unknown>>;

/** An answer that is not an error. */
export interface Answer {
  readonly body: Json;
  readonly headers: Headers;
}

/** A problem that the deployment answered with. */
export class ProblemFailure extends Failure {
  override readonly name = "ProblemFailure";
  readonly status: number;
  readonly body: Json;

  constructor(message: string, status: number, body: Json) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

export interface Call {
  readonly method?: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Deployment {
  readonly url: URL;
  readonly #token: string;

  constructor(url: URL, token: string) {
    this.url = url;
    this.#token = token;
  }

  /** Calls a path below `/api/v1/admin`. @throws ProblemFailure if it answers an error, Failure if it does not answer. */
  async call(path: string, { method = "GET", query = {}, body, headers = {} }: Call = {}): Promise<Answer> {
    const url = this.#address(path, query);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await this.send(url, { method, headers, ...(text === undefined ? {} : { body: text }) });
    const answer = await response.text();
    const json = jsonOf(answer);
    if (response.ok) {
      if (answer !== "" && json === null)
        throw new Failure(`${url.host} answered something that is not JSON`);
      return { body: json ?? {}, headers: response.headers };
    }
    throw problemFailure(response.status, json ?? {}, url);
  }

  /** Sends NDJSON. @returns the response, whose body is still to be read. @throws as {@link call}. */
  async stream(path: string, query: Call["query"], body: string, timeoutMs: number): Promise<Response> {
    const url = this.#address(path, query ?? {});
    const headers = { "Content-Type": "application/x-ndjson" };
    const response = await this.send(url, { method: "POST", headers, body }, timeoutMs);
    if (response.ok) return response;
    throw problemFailure(response.status, jsonOf(await response.text()) ?? {}, url);
  }

  async send(url: URL, init: RequestInit, timeoutMs = TIMEOUT_MS): Promise<Response> {
    const headers = {
      ...Object.fromEntries(new Headers(init.headers)),
      Authorization: `Bearer ${this.#token}`,
    };
    try {
      // A redirect would take the token along.
      return await fetch(url, {
        ...init,
        headers,
        redirect: "error",
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (thrown) {
      const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Failure(`${url.origin} does not answer (${why}): check EDGE_LIMITER_URL`);
    }
  }

  #address(path: string, query: NonNullable<Call["query"]>): URL {
    const base = this.url.href.replace(/\/$/, "");
    const url = new URL(`${base}/api/v1/admin${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, value);
    return url;
  }
}

/** @throws Failure that says what is missing. */
export function deploymentOf(environment: Readonly<Record<string, string | undefined>>): Deployment {
  const { EDGE_LIMITER_URL: address, EDGE_LIMITER_TOKEN: token } = environment;
  if (!address)
    throw new Failure("set EDGE_LIMITER_URL to the deployment's URL, such as https://limits.example.com");
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!url || !["https:", "http:"].includes(url.protocol)) {
    throw new Failure("EDGE_LIMITER_URL must be an http(s) URL, such as https://limits.example.com");
  }
  if (url.protocol === "http:" && !LOCAL.test(url.hostname)) {
    throw new Failure("EDGE_LIMITER_URL must be https, since the admin token would travel in the clear");
  }
  if (!token) throw new Failure("set EDGE_LIMITER_TOKEN to an admin token of the deployment");
  return new Deployment(url, token);
}

function problemFailure(status: number, body: Json, url: URL): ProblemFailure {
  if (status === 401) {
    return new ProblemFailure(`${url.origin} rejects the token in EDGE_LIMITER_TOKEN`, status, body);
  }
  const detail = typeof body["detail"] === "string" ? body["detail"] : `${url.origin} answered ${status}`;
  const errors = Array.isArray(body["errors"]) ? body["errors"] : [];
  const lines = errors.map((error: unknown) => `\n  ${faultText(error)}`).join("");
  const id = typeof body["requestId"] === "string" ? `\n  request ${body["requestId"]}` : "";
  return new ProblemFailure(`${status}: ${detail}${lines}${id}`, status, body);
}

/** A fault as a line of text. */
export function faultText(fault: unknown): string {
  const { path, message }: { path?: unknown; message?: unknown } = { ...Object(fault) };
  return `${path === undefined || path === "" ? "/" : String(path)}: ${String(message)}`;
}

/** The object in a text; null if there is none. */
export function jsonOf(text: string): Json | null {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null && !Array.isArray(json) ? { ...json } : null;
  } catch {
    return null;
  }
}
