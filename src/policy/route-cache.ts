/** Compiles `cache` of a route. Pure: no I/O and no clock. */
import type { RouteCache } from "./compiled.ts";
import type { RouteDocument } from "./schema.ts";

/** Null: nothing is stored. A route with `usage` is cached by no valid policy, since a stored response reports no usage. */
export function routeCache(route: RouteDocument): RouteCache | null {
  const { cache, usage } = route;
  if (!cache || usage) return null;
  const { vary = {}, statuses = [200, 301, 308] } = cache;
  return {
    ttlMs: cache.ttlSeconds * 1_000,
    defaultTtlMs: (cache.defaultTtlSeconds ?? cache.ttlSeconds) * 1_000,
    staleWhileRevalidateMs: (cache.staleWhileRevalidateSeconds ?? 0) * 1_000,
    staleIfErrorMs: (cache.staleIfErrorSeconds ?? 0) * 1_000,
    share: cache.share ?? "user",
    headers: (vary.headers ?? []).map((name) => name.toLowerCase()),
    query: vary.query ?? null,
    statuses,
    edition: JSON.stringify(route),
  };
}
