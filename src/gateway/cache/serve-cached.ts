/**
 * The edge response cache: answers a request to a cached route from the store, or asks the upstream and stores what it answers
 * (docs/cache.md). The request has passed authentication, rules and limits before.
 *
 * A module of its own, which isolates load with their first such request (src/cache-module.ts).
 */
import type { RouteCache } from "../../policy/compiled.ts";
import type { Admitted } from "../exchange.ts";
import type { Sending, SendResult } from "../forward-request.ts";
import { cachedResponse } from "./cached-response.ts";
import { isRangeOf, rangeOf } from "./conditional.ts";
import { askShared, fetchIntoStore, isSame } from "./fetch-into-store.ts";
import { deleteStored, readStored } from "./response-store.ts";
import { sharedRequest } from "./shared-request.ts";
import { Flights, landed, type Role } from "./single-flight.ts";
import { ageMsAt, stateAt, type Stored } from "./stored-response.ts";
import { type CacheResult, count, passed, type Visit } from "./visit.ts";

/** Of this isolate. */
const FLIGHTS = new Flights();

/**
 * @param sending what a route without a cache sends.
 * @param ask sends it to the upstream.
 */
export async function serveCached(
  admitted: Admitted,
  cache: RouteCache,
  sending: Sending,
  ask: (sending: Sending) => Promise<SendResult>,
): Promise<SendResult> {
  const { exchange, route, path, caller } = admitted;
  const { request, services } = exchange;
  const shared = await sharedRequest(request, {
    path,
    cache,
    generation: services.policies.cacheGeneration(route.id),
    upstream:
      route.pool === null ? (route.upstream ?? services.settings.upstream) : `pool:${route.pool.name}`,
    caller,
    tier: sending.tier,
  });
  const visit: Visit = { admitted, cache, sending, shared, ask };
  const reason = bypassOf(admitted);
  return reason === null ? looked(visit) : bypassed(visit, reason);
}

/** Why the cache does not answer a request, as RFC 9211 names it; null: it does. */
function bypassOf({ exchange: { request }, route }: Admitted): "method" | "bypass" | null {
  const { method, headers } = request;
  if (method !== "GET" && method !== "HEAD") return "method";
  if (headers.get("Upgrade")?.toLowerCase() === "websocket") return "bypass";
  // On this route they are the upstream's, and what it answers to them is for nobody else (RFC 9111, section 3.5).
  const hasCredential = headers.has("Authorization") || headers.has("X-API-Key");
  return route.ignoresCredential && hasCredential ? "bypass" : null;
}

/** Methods that change nothing (RFC 9110, section 9.2.1). */
const SAFE = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Forwards the request as on a route without a cache. */
async function bypassed(visit: Visit, reason: "method" | "bypass"): Promise<SendResult> {
  const { admitted, sending, shared, ask } = visit;
  const { request, services } = admitted.exchange;
  const result = await ask(sending);
  // What it has changed, this caller sees at once (RFC 9111, section 4.4).
  const mayChange = !SAFE.has(request.method) && result.kind === "response" && result.response.status < 400;
  if (mayChange) await deleteStored(shared.key, services.log);
  return passed(visit, "bypass", result, `fwd=${reason}`);
}

async function looked(visit: Visit): Promise<SendResult> {
  const { admitted, shared } = visit;
  const { request, waitUntil } = admitted.exchange;
  const found = await read(visit);
  if (found && isFresh(found)) return sent(visit, "hit", found, hit(found));
  if (request.method === "HEAD") return head(visit, found);
  const role = FLIGHTS.enter(shared.key, Date.now());
  if (found && stateAt(found.meta, Date.now()) === "revalidating") {
    if (role.kind === "leader") waitUntil(refresh(visit, found, role));
    if (role.kind === "follower") role.leave();
    return sent(visit, "stale", found, hit(found));
  }
  if (role.kind !== "follower") return fetched(visit, found, role);
  discard(found);
  const isStored = await landed(role.flight, () => Date.now());
  role.leave();
  const other = isStored ? await read(visit) : null;
  if (other && isFresh(other)) return sent(visit, "hit", other, "fwd=miss; collapsed");
  return fetched(visit, other, { kind: "alone" });
}

/** The stored response, or the part of it that the client asks for. */
async function read({ admitted, shared }: Visit): Promise<Stored | null> {
  const { request, services } = admitted.exchange;
  const found = await readStored(shared.key, rangeOf(request), services.log);
  if (!found || found.range === null || isRangeOf(request.headers, found.meta)) return found;
  discard(found);
  return readStored(shared.key, null, services.log);
}

/** Asks the upstream. A HEAD says nothing of the bytes of a GET, so its response is not stored. */
async function head(visit: Visit, found: Stored | null): Promise<SendResult> {
  discard(found);
  const result = await askShared(visit, "HEAD", null);
  return passed(visit, "unstored", result, `fwd=${found ? "stale" : "miss"}`);
}

/** Fetches a new response in the background. */
async function refresh(visit: Visit, { meta }: Stored, role: Role): Promise<void> {
  const result = await fetchIntoStore(visit, meta, role);
  if (result.kind !== "response" || !result.response.body) return;
  if (!result.isStored) await result.response.body.cancel();
  else await result.response.body.pipeTo(new WritableStream()).catch(() => undefined);
}

async function fetched(visit: Visit, found: Stored | null, role: Role): Promise<SendResult> {
  const result = await fetchIntoStore(visit, found?.meta ?? null, role);
  const fwd = `fwd=${found ? "stale" : "miss"}`;
  const code = result.kind === "response" ? result.response.status : 0;
  if (found && result.kind !== "renewed" && (code === 0 || code >= 500) && mayHelp(found)) {
    if (result.kind === "response") result.response.body?.cancel().catch(() => undefined);
    const detail = code === 0 ? "" : `; fwd-status=${code}`;
    return sent(visit, "stale", found, `fwd=stale${detail}`);
  }
  discard(found);
  switch (result.kind) {
    case "none":
      return passed(visit, "unstored", result.forwarded, fwd);
    case "renewed": {
      const again = found && (await read(visit));
      if (again && isSame(again.meta, found.meta)) {
        const status = "fwd=stale; fwd-status=304; stored";
        return sent(visit, "revalidated", { ...again, meta: result.meta }, status);
      }
      // It has been evicted or replaced meanwhile.
      discard(again);
      return fetched(visit, null, { kind: "alone" });
    }
    case "response": {
      const forwarded: SendResult = { kind: "response", response: result.response };
      return result.isStored
        ? passed(visit, "miss", forwarded, `${fwd}; stored`)
        : passed(visit, "unstored", forwarded, `${fwd}; detail=${result.detail}`);
    }
  }
}

function isFresh({ meta }: Stored): boolean {
  return stateAt(meta, Date.now()) === "fresh";
}

/** Whether it may be sent in place of a failure. */
function mayHelp({ meta }: Stored): boolean {
  return stateAt(meta, Date.now()) !== "stale";
}

function sent(visit: Visit, result: CacheResult, found: Stored, status: string): SendResult {
  count(visit, result);
  return { kind: "cached", response: cachedResponse(visit, found, status, Date.now()) };
}

/** `ttl` is how long it stays fresh, and below 0 how long it has not been. */
function hit({ meta }: Stored): string {
  return `hit; ttl=${Math.floor((meta.lifetimeMs - ageMsAt(meta, Date.now())) / 1_000)}`;
}

function discard(found: Stored | null): void {
  found?.body?.cancel().catch(() => undefined);
}
