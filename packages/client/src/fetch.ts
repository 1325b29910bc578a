/**
 * A `fetch` that waits when a server limits it, and then sends the request again: as long as `Retry-After` says, failing that until the
 * limits of `RateLimit` (draft-ietf-httpapi-ratelimit-headers) that are used up have something again, failing that exponentially longer.
 * A random time is added (full jitter), so that clients that were rejected together do not come back together.
 *
 * Repeats what was not done: 429, and 503 with `Retry-After` for methods that are safe to repeat. If the wait is longer than the caps
 * allow, it returns the response at once. Never repeats a body that is a stream.
 */

export interface WaitingFetchOptions {
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** Requests after the first. Default: 3. */
  readonly maxRetries?: number | undefined;
  /** All waits of one call together. Default: 60,000. */
  readonly maxWaitMs?: number | undefined;
  /** The most that is added at random; without a header, it doubles from a second up to this. Default: 10,000. */
  readonly maxJitterMs?: number | undefined;
  /** Calls that wait at once. Beyond that, calls get the rejection at once. Default: 1,000. */
  readonly maxWaiting?: number | undefined;
}

const FIRST_JITTER_MS = 1_000;
/** RFC 9110, section 9.2.2. */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

/** Makes the function. It throws what `fetch` throws; while it waits, an abort of the signal ends it. */
export function waitingFetch(options: WaitingFetchOptions = {}): typeof fetch {
  const { maxRetries = 3, maxWaitMs = 60_000, maxJitterMs = 10_000, maxWaiting = 1_000 } = options;
  const send = options.fetch ?? ((...call: Parameters<typeof fetch>) => fetch(...call));
  let waiting = 0;
  return async (input, init) => {
    const method = (init?.method ?? (input instanceof Request ? input.method : "GET")).toUpperCase();
    const mayRepeat = !isStream(init?.body);
    let leftMs = maxWaitMs;
    for (let attempt = 0; ; attempt++) {
      // A request's body is read once: each attempt but the last takes a copy.
      const isLast = attempt >= maxRetries || !mayRepeat;
      const response = await send(input instanceof Request && !isLast ? input.clone() : input, init);
      if (isLast || !isRejected(response, method)) return response;
      const jitterMs = Math.random() * Math.min(maxJitterMs, FIRST_JITTER_MS * 2 ** attempt);
      const waitMs = (waitOf(response.headers, Date.now()) ?? 0) + jitterMs;
      if (waitMs > leftMs || waiting >= maxWaiting) return response;
      leftMs -= waitMs;
      waiting++;
      try {
        // Frees its connection.
        await response.body?.cancel();
        await wait(waitMs, init?.signal ?? (input instanceof Request ? input.signal : null));
      } finally {
        waiting--;
      }
    }
  };
}

/** Node also takes async iterables. */
function isStream(body: unknown): boolean {
  return (
    typeof body === "object" &&
    body !== null &&
    (Symbol.asyncIterator in body || body instanceof ReadableStream)
  );
}

function isRejected({ status, headers }: Response, method: string): boolean {
  return status === 429 || (status === 503 && headers.has("Retry-After") && IDEMPOTENT.has(method));
}

/** How long the server asks to wait; null: it does not say. */
function waitOf(headers: Headers, nowMs: number): number | null {
  const after = headers.get("Retry-After")?.trim();
  if (after && /^\d+$/.test(after)) return 1_000 * Number(after);
  const atMs = after ? Date.parse(after) : Number.NaN;
  if (!Number.isNaN(atMs)) return Math.max(0, atMs - nowMs);
  let waitMs: number | null = null;
  // Items are `"name";r=0;t=30`, parameters in any order.
  for (const [, parameters = ""] of (headers.get("RateLimit") ?? "").matchAll(/"(?:[^"\\]|\\.)*"([^,"]*)/g)) {
    const remaining = /;\s*r=(\d+)/.exec(parameters)?.[1];
    const seconds = /;\s*t=(\d+)/.exec(parameters)?.[1];
    if (Number(remaining) === 0 && seconds !== undefined)
      waitMs = Math.max(waitMs ?? 0, 1_000 * Number(seconds));
  }
  return waitMs;
}

/** @throws the signal's reason if it is aborted. */
function wait(ms: number, signal: AbortSignal | null | undefined): Promise<void> {
  return new Promise((done, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      done();
    }, ms);
    function abort(): void {
      clearTimeout(timer);
      reject(signal?.reason);
    }
    signal?.addEventListener("abort", abort, { once: true });
  });
}
