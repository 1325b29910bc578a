/** Resolves what a policy or the UPSTREAM variable names into something to send a request to. */
import type { Upstream } from "./proxy.ts";

/** Null where nothing is named, or where the named service binding does not exist. */
export function resolveUpstream(named: string | null, bindings: object): Upstream | null {
  if (named === null) return null;
  const binding = /^service:(.+)$/.exec(named)?.[1];
  if (binding === undefined) {
    const base = URL.parse(named);
    return base && { kind: "url", base };
  }
  const fetcher: unknown = Object.entries(bindings).find(([name]) => name === binding)?.[1];
  return isFetcher(fetcher) ? { kind: "service", fetcher } : null;
}

function isFetcher(value: unknown): value is Fetcher {
  return typeof value === "object" && value !== null && "fetch" in value && typeof value.fetch === "function";
}
