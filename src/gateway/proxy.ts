/**
 * Forwards a request to its upstream and the response back, as streams: nothing is buffered, WebSocket upgrades pass through, and the
 * bytes of both bodies are unchanged, whatever their encoding.
 */
import { withDeadline } from "../deadline.ts";
import { originOf, searchOf } from "../edge/url-parts.ts";
import { isLimitHeader } from "../header-names.ts";
import { dropHopByHop, forwardedHeaders, type Identity } from "./request-headers.ts";
import type { Transformed } from "./transform/transform.ts";
import { upload } from "./upload.ts";

/** A resolved `service:BINDING`, or a base URL. */
export type Upstream =
  | { readonly kind: "url"; readonly base: URL }
  | { readonly kind: "service"; readonly fetcher: Fetcher };

/** Of a request: as it arrives, or, if it may be sent again, its bytes. */
export type RequestBody = ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;

export interface Forwarding extends Identity {
  readonly upstream: Upstream;
  readonly path: string;
  /** What the route changes of the request; null: nothing. */
  readonly transformed: Pick<Transformed, "changeSearch" | "changeRequest"> | null;
  readonly body: RequestBody;
  /** Deadline of the response's headers, from the end of the request's body. Milliseconds. */
  readonly timeoutMs: number;
  /** Whether the response will have limit headers of this gateway: the upstream's own are then dropped. */
  readonly hasLimits: boolean;
  /** Whether to ask for a response that is not encoded. */
  readonly isUnencoded: boolean;
  /** What the upstream gets in place of the request's own headers (cache/shared-request.ts); null: those, and the caller's identity. */
  readonly headers: Headers | null;
}

export type Forwarded =
  | { readonly kind: "response"; readonly response: Response }
  /** No headers in time, or, if `isUpload`, no progress of the request's body. */
  | { readonly kind: "timeout"; readonly isUpload: boolean }
  /** The client left, or broke its framing, before the end of its body. */
  | { readonly kind: "broken-off" }
  /** No status that a response can end with (RFC 9110, section 15). */
  | { readonly kind: "bad-status"; readonly status: number }
  | { readonly kind: "error"; readonly error: unknown };

/** An upload without progress for this long is given up: either end has stalled. */
export const UPLOAD_IDLE_MS = 30_000;
const MIN_STATUS = 200;
const MAX_STATUS = 599;

/** Forwards the request. The headers of the response are mutable. Never rejects. */
export async function forward(request: Request, forwarding: Forwarding): Promise<Forwarded> {
  const { upstream, timeoutMs } = forwarding;
  const deadline = new ForwardDeadline();
  try {
    const body = isRead(request) ? null : forwarding.body;
    const headers = forwarding.headers ?? forwardedHeaders(request, forwarding);
    forwarding.transformed?.changeRequest(headers);
    if (forwarding.isUnencoded) headers.set("Accept-Encoding", "identity");
    const isHere = body === null || body instanceof Uint8Array;
    if (isHere) deadline.restart("headers", timeoutMs);
    const init = {
      method: request.method,
      headers,
      body: isHere
        ? body
        : upload(body, lengthOf(request.headers), {
            progress: () => deadline.restart("upload", UPLOAD_IDLE_MS),
            ended: () => deadline.restart("headers", timeoutMs),
            brokenOff: () => deadline.abort("broken-off"),
          }),
      redirect: "manual",
      signal: deadline.signal,
      // The zone's cache may hold another user's response: only the policy decides what is shared.
      cache: "no-store",
      // Bytes pass unchanged: decoding and encoding them again would lose their length and break what is not well formed.
      encodeResponseBody: "manual",
    } as const;
    const target = targetOf(request, forwarding);
    const response = await (upstream.kind === "service"
      ? upstream.fetcher.fetch(target, init)
      : fetch(target, init));
    if (!isFinal(response)) {
      await response.body?.cancel();
      return { kind: "bad-status", status: response.status };
    }
    return { kind: "response", response: passBack(response, request.method, forwarding) };
  } catch (error) {
    const { aborted } = deadline;
    if (aborted === null) return { kind: "error", error };
    return aborted === "broken-off"
      ? { kind: "broken-off" }
      : { kind: "timeout", isUpload: aborted === "upload" };
  } finally {
    deadline.end();
  }
}

type Deadline = "upload" | "headers";

/** The deadline of what a forwarded request waits for next: progress of its body, then the response's headers. */
class ForwardDeadline {
  readonly #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isOver = false;
  #aborted: Deadline | "broken-off" | null = null;

  /** Aborted when a deadline expires or the client breaks off. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** What was not there in time, or that the client broke off; null: not aborted. */
  get aborted(): Deadline | "broken-off" | null {
    return this.#aborted;
  }

  restart(what: Deadline, ms: number): void {
    this.#clear();
    if (this.#isOver) return;
    this.#timer = setTimeout(() => this.abort(what), ms);
  }

  /** Ends the request to the upstream, and returns true; false if the headers are there already. */
  abort(why: Deadline | "broken-off"): boolean {
    this.#clear();
    if (this.#isOver) return false;
    this.#aborted ??= why;
    this.#abort.abort();
    return true;
  }

  /** The headers are there. An upload may still be under way: it lasts as long as the upstream reads it. */
  end(): void {
    this.#isOver = true;
    this.#clear();
  }

  #clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}

/** Methods with which `fetch` sends no content. */
function isRead({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

/** The length that a client has announced; null if it did not, as for chunks. */
function lengthOf(headers: Headers): number | null {
  const length = headers.get("Content-Length");
  return length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null;
}

/** How long a request that should have no content may take to show its first byte or its end. */
const FIRST_BYTE_MS = 5_000;

/**
 * Whether a request has content that cannot be forwarded: it is rejected rather than forwarded without. A GET or HEAD that is framed as if
 * it had content mostly has none: then its end comes at once. Takes its body, which is not forwarded anyway.
 */
export function hasLostContent(request: Request): boolean | Promise<boolean> {
  if (!isRead(request) || request.body === null) return false;
  const length = lengthOf(request.headers);
  return length === null ? hasFirstByte(request.body) : length > 0;
}

async function hasFirstByte(body: ReadableStream<Uint8Array>): Promise<boolean> {
  const reader = body.getReader();
  const read = async (): Promise<boolean> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return false;
      if (value.byteLength > 0) return true;
    }
  };
  try {
    return await withDeadline(read(), FIRST_BYTE_MS, "first byte");
  } catch {
    // The client has left, or keeps its request open.
    return true;
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/** The upstream's base, the canonical path, and the query, unchanged unless the route changes it. */
function targetOf({ url }: Request, { upstream, path, transformed }: Forwarding): string {
  const search = searchOf(url);
  const query = transformed === null ? search : transformed.changeSearch(search);
  if (upstream.kind === "url") {
    const { origin, pathname } = upstream.base;
    return `${origin}${pathname.replace(/\/$/, "")}${path}${query}`;
  }
  const { scheme, host } = originOf(url);
  return `${scheme}://${host}${path}${query}`;
}

/** Whether a response can end with this status. 101 can if it is a WebSocket: the runtime relays no other protocol. */
function isFinal({ status, webSocket }: Response): boolean {
  return (status >= MIN_STATUS && status <= MAX_STATUS) || (status === 101 && webSocket !== null);
}

/** The upstream's response without headers that only this Worker may set, and with `X-Request-Id`. Its headers are mutable. */
function passBack(
  upstream: Response,
  method: string,
  { upstream: { kind }, requestId, hasLimits }: Forwarding,
): Response {
  const response = new Response(upstream.body, upstream);
  const { headers } = response;
  // Not the length of the body: chunks override it (RFC 9112, section 6.3), and Workers copy it to a body that they have changed.
  if (headers.has("Transfer-Encoding") || (kind === "service" && method !== "HEAD")) {
    headers.delete("Content-Length");
  }
  dropHopByHop(headers);
  if (hasLimits) {
    for (const name of [...headers.keys()].filter(isLimitHeader)) headers.delete(name);
  }
  headers.set("X-Request-Id", requestId);
  return response;
}
