/**
 * Sends a request to one of a pool's targets, and to another one if that fails and the request may be repeated (docs/pools.md).
 *
 * Never repeats a request that may have an effect twice, one whose response has begun, or one that the pool's budget has no retry for; and
 * never exceeds the route's deadline, however many tries there are. The limiter has charged the request before, once.
 */
import { foldedName, isOverride } from "../../header-names.ts";
import type { Services } from "../../edge/services.ts";
import type { Pool } from "../../policy/pool.ts";
import type { Forwarded, RequestBody, Upstream } from "../proxy.ts";
import { InFlight } from "../in-flight.ts";
import { dropHopByHop } from "../request-headers.ts";
import { type Pipe, watchEnd } from "../response-end.ts";
import type { Failure, PoolSettings } from "./pool-settings.ts";
import type { Target } from "./pool-state.ts";
import { type PoolContext, PoolWatch, type TryResult } from "./pool-watch.ts";
import { MAX_BODIES, MAX_BODY, readShortBody } from "./short-body.ts";

export interface PoolRequest extends PoolContext {
  readonly services: Services;
  readonly pool: Pool;
  readonly request: Request;
  readonly body: ReadableStream<Uint8Array> | null;
  /** Whether the upstream gets headers that override the method. */
  readonly forwardOverrides: boolean;
  /** What the route changes of the headers; null: nothing. */
  readonly changeRequest: ((headers: Headers) => void) | null;
  /** The caller's subject. */
  readonly subject: string;
  /** Whether the response is watched once more, for what its request holds. */
  readonly isHeld: boolean;
  /** Deadline of the response's headers, over all tries, from the end of a body that is read before. Milliseconds. */
  readonly timeoutMs: number;
  /** Sends it to one upstream. Never rejects. */
  readonly send: (upstream: Upstream, timeoutMs: number, body: RequestBody) => Promise<Forwarded>;
}

/** Methods that may be repeated (RFC 9110, section 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);
/** Pools that are remembered: those of the policy in force, and of the one before. */
const MAX_POOLS = 64;

/** Of each isolate, by name. Isolates of tests share this module. */
const isolates = new WeakMap<Services, Map<string, PoolWatch>>();
/** Bodies that this isolate keeps. */
const bodies = new InFlight();

/** The pool as the policy of one request has it. An edit while the request runs must not send it, with its credentials, elsewhere. */
interface Lineup {
  readonly watch: PoolWatch;
  readonly settings: PoolSettings;
  readonly targets: readonly Target[];
}

/** Never rejects. */
export async function sendToPool(asked: PoolRequest): Promise<Forwarded> {
  const watch = watchOf(asked.services, asked.pool);
  const nowMs = Date.now();
  const listed = watch.begin(asked.pool, asked);
  if (listed) await Promise.race([listed, scheduler.wait(asked.timeoutMs)]);
  // The wait for a first list counts too.
  const timeoutMs = Math.max(1, asked.timeoutMs - (Date.now() - nowMs));
  // A request under another policy may have changed the list while this one waited.
  if (listed) watch.state.update(asked.pool);
  const { settings, targets } = watch.state;
  const lineup: Lineup = { watch, settings, targets };
  const { attempts } = settings;
  const body = hasNoContent(asked.request) ? null : asked.body;
  if (attempts === 0 || !mayRepeat(asked, body)) return tries(asked, lineup, body, timeoutMs, 0);
  if (!body) return tries(asked, lineup, null, timeoutMs, attempts);
  if (bodies.count(nowMs) >= MAX_BODIES) return tries(asked, lineup, body, timeoutMs, 0);
  const begun = bodies.begin(nowMs);
  try {
    const read = await readShortBody(body);
    switch (read.kind) {
      case "read":
        return await tries(asked, lineup, read.bytes, timeoutMs, attempts);
      case "broken-off":
        return { kind: "broken-off" };
      case "timeout":
        return { kind: "timeout", isUpload: true };
    }
  } finally {
    bodies.end(begun, Date.now());
  }
}

/** Methods with which nothing is forwarded, even if a client frames a request as if it had content. */
function hasNoContent({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

/** Whether repeating it does no harm, and its body is short and of a known length. */
function mayRepeat(asked: PoolRequest, body: ReadableStream<Uint8Array> | null): boolean {
  const { method, headers } = asked.request;
  const isSafe = IDEMPOTENT.has(method) && !isOverridden(asked);
  if (!isSafe && !sendsKey(asked)) return false;
  if (!body) return true;
  const length = headers.get("Content-Length");
  return length !== null && /^\d{1,5}$/.test(length) && Number(length) <= MAX_BODY;
}

/** Whether the upstream may handle another method than the request's. */
function isOverridden({ request, forwardOverrides }: PoolRequest): boolean {
  return forwardOverrides && [...request.headers.keys()].some((name) => isOverride(foldedName(name)));
}

/** Whether the upstream gets the client's Idempotency-Key: neither `Connection` nor the route takes it away. */
function sendsKey({ request, changeRequest }: PoolRequest): boolean {
  const key = request.headers.get("Idempotency-Key");
  if (!key) return false;
  const sent = new Headers(request.headers);
  dropHopByHop(sent);
  changeRequest?.(sent);
  return sent.get("Idempotency-Key") === key;
}

/** @param timeoutMs of all tries together. @param attempts tries after the first. */
async function tries(
  asked: PoolRequest,
  { watch, settings, targets }: Lineup,
  body: RequestBody,
  timeoutMs: number,
  attempts: number,
): Promise<Forwarded> {
  const { budget, name } = watch.state;
  const { metrics } = asked.services;
  const untilMs = Date.now() + timeoutMs;
  const tried = new Set<string>();
  for (let left = attempts; ; left--) {
    const nowMs = Date.now();
    const target = watch.state.pick(tried, asked.subject, nowMs, targets);
    if (!target) return { kind: "error", error: new Error(`the pool ${name} has no target`) };
    const canRepeat = left > 0 && budget.allows(settings.budget, nowMs);
    const { forwarded, failure } = await tryOne(
      asked,
      watch,
      target,
      body,
      tryTimeoutMs(settings, untilMs - nowMs, canRepeat ? left : 0),
    );
    if (tried.size > 0) metrics.add("upstreamRetries", [name, failure === null ? "ok" : "failed"]);
    if (failure === null || left === 0 || !settings.on.has(failure) || Date.now() >= untilMs)
      return forwarded;
    if (!budget.take(settings.budget, Date.now())) {
      metrics.add("upstreamRetries", [name, "over_budget"]);
      return forwarded;
    }
    if (forwarded.kind === "response") await forwarded.response.body?.cancel().catch(() => undefined);
    tried.add(target.url);
  }
}

/** All that is left, unless another try can follow one that is late. @param left tries that can follow. */
function tryTimeoutMs({ on, tryTimeoutMs: own }: PoolSettings, leftMs: number, left: number): number {
  if (left === 0 || !on.has("timeout")) return Math.max(1, leftMs);
  return Math.max(1, Math.min(own ?? Math.ceil(leftMs / (left + 1)), leftMs));
}

interface Tried {
  readonly forwarded: Forwarded;
  /** Null: the target works, or the client is at fault. */
  readonly failure: Failure | null;
}

async function tryOne(
  asked: PoolRequest,
  watch: PoolWatch,
  target: Target,
  body: RequestBody,
  timeoutMs: number,
): Promise<Tried> {
  const { resolve, send } = asked;
  const { epoch } = target.health;
  const begun = target.inFlight.begin(Date.now());
  const end = (result: TryResult): void => {
    target.inFlight.end(begun, Date.now());
    watch.ended(target, epoch, result);
  };
  const upstream = resolve(target.url);
  const forwarded: Forwarded =
    upstream.kind === "none"
      ? { kind: "error", error: new Error(upstream.detail) }
      : await send(upstream, timeoutMs, body);
  const failure = failureOf(forwarded);
  if (failure !== null) end(failure);
  else if (forwarded.kind !== "response") end(isOfClient(forwarded) ? "left" : "ok");
  else
    return {
      forwarded: { kind: "response", response: watched(forwarded.response, asked, end) },
      failure,
    };
  return { forwarded, failure };
}

/** A 4xx is the client's fault, and a 503 with Retry-After the target's own decision. */
function failureOf(forwarded: Forwarded): Failure | null {
  switch (forwarded.kind) {
    case "error":
      return "connect";
    case "timeout":
      return forwarded.isUpload ? null : "timeout";
    case "response":
      return failingStatus(forwarded.response);
    case "bad-status":
      // The gateway itself answers with 502.
      return "502";
    case "broken-off":
      return null;
  }
}

function failingStatus({ status, headers }: Response): Failure | null {
  if (status === 502) return "502";
  if (status === 504) return "504";
  return status === 503 && !headers.has("Retry-After") ? "503" : null;
}

/** Whether the client left, or either end stalled an upload. */
function isOfClient({ kind }: Forwarded): boolean {
  return kind === "broken-off" || kind === "timeout";
}

/** The response to send. Calls `end` once, when its body has ended. A WebSocket counts until it is open. */
function watched(
  response: Response,
  { request, waitUntil, isHeld }: PoolRequest,
  end: (result: TryResult) => void,
): Response {
  if (response.webSocket) {
    end("ok");
    return response;
  }
  return watchEnd(response, { request, waitUntil, isPipedAgain: isHeld }, pipeToEnd, async (found) =>
    end(found ?? "ok"),
  );
}

/** Sends a body on without looking at it. If the client leaves, the upstream is cancelled. */
const pipeToEnd: Pipe<TryResult> = async (source, sink) => {
  try {
    await source.pipeTo(sink, { preventCancel: true });
    return "ok";
  } catch (thrown) {
    // A source that has failed cannot be cancelled; one whose reader has left can.
    return source.cancel(thrown).then(
      (): TryResult => "left",
      (): TryResult => "broken",
    );
  }
};

function watchOf(services: Services, pool: Pool): PoolWatch {
  let watches = isolates.get(services);
  if (!watches) isolates.set(services, (watches = new Map()));
  const known = watches.get(pool.name);
  if (known) return known;
  const watch = new PoolWatch(pool, services);
  watches.set(pool.name, watch);
  const [oldest] = watches.keys();
  if (watches.size > MAX_POOLS && oldest !== undefined) watches.delete(oldest);
  return watch;
}
