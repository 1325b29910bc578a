/** One request to a cached route, as the steps of the cache pass it on. */
import type { RouteCache } from "../../policy/compiled.ts";
import type { Admitted } from "../exchange.ts";
import type { Sending, SendResult } from "../forward-request.ts";
import type { SharedRequest } from "./shared-request.ts";

export interface Visit {
  readonly admitted: Admitted;
  readonly cache: RouteCache;
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
