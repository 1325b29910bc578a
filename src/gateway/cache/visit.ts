/** One request to a cached route, as the steps of the cache pass it on. */
import type { RouteCache } from "../../policy/compiled.ts";
import type { Admitted } from "../exchange.ts";
import type { Sending, SendResult } from "../forward-request.ts";
import type { SharedRequest } from "./shared-request.ts";

export interface Visit {
  readonly admitted: Admitted;
  readonly cache: RouteCache;
  /** What a route without a cache sends. */
  readonly sending: Sending;
  readonly shared: SharedRequest;
  /** Asks the upstream. */
  readonly ask: (sending: Sending) => Promise<SendResult>;
}

/** What became of a request, as the metric counts it. */
export type CacheResult =
  /** Sent from the store. */
  | "hit"
  /** Sent from the store although stale: while a new response is fetched, or because the upstream has failed. */
  | "stale"
  /** Sent from the store after the upstream has said that it still holds. */
  | "revalidated"
  /** Fetched and stored. */
  | "miss"
  /** Fetched and not stored. */
  | "unstored"
  /** Not a request that the cache answers. */
  | "bypass";

export function count({ admitted: { exchange, route } }: Visit, result: CacheResult): void {
  exchange.services.metrics.add("responseCache", [route.id, result]);
}

/** The upstream's response, or why there is none, counted and with our member of Cache-Status. */
export function passed(visit: Visit, result: CacheResult, forwarded: SendResult, status: string): SendResult {
  count(visit, result);
  if (forwarded.kind === "response") forwarded.response.headers.append("Cache-Status", cacheStatus(status));
  return forwarded;
}

export function cacheStatus(parameters: string): string {
  return `edge-limiter; ${parameters}`;
}

/**
 * A stream for a body on its way to the client. With its length known, the runtime sends no chunks. But it cannot pipe one such stream into
 * another, and what holds a slot is piped once more, with its length (response-end.ts).
 */
export function clientStream(
  { admitted: { exchange } }: Pick<Visit, "admitted">,
  length: number | null,
): TransformStream<Uint8Array, Uint8Array> {
  const isHeld = exchange.decision !== null && exchange.decision.holds.length > 0;
  return length === null || isHeld ? new TransformStream() : new FixedLengthStream(length);
}
