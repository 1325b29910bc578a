/** Resolves an upstream that a route or the UPSTREAM variable names. */
import { BoundedCache } from "../bounded-cache.ts";
import type { Upstream } from "./proxy.ts";

const SERVICE = "service:";

/** Parsed URLs: as many as a policy may have routes. */
const PARSED = new BoundedCache<Upstream | null>(500);

/** Null if no upstream is named, or the named service binding does not exist. */
export function resolveUpstream(named: string | null, bindings: object): Upstream | null {
  if (named === null) return null;
  if (!named.startsWith(SERVICE)) {
    const known = PARSED.getStale(named);
    if (known !== undefined) return known;
    const base = URL.parse(named);
    const upstream: Upstream | null = base && { kind: "url", base };
    PARSED.set(named, upstream, Infinity);
    return upstream;
  }
  const name = named.slice(SERVICE.length);
  const fetcher: unknown = Object.hasOwn(bindings, name) ? Reflect.get(bindings, name) : null;
  return isFetcher(fetcher) ? { kind: "service", fetcher } : null;
}

function isFetcher(value: unknown): value is Fetcher {
  return typeof value === "object" && value !== null && "fetch" in value && typeof value.fetch === "function";
}
