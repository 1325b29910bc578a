/** Resolves an upstream that a route or the UPSTREAM variable names. */
import { BoundedCache } from "../bounded-cache.ts";
import { serviceOf } from "../edge/service-bindings.ts";
import type { Upstream } from "./proxy.ts";

const SERVICE = "service:";

/** `detail`: why there is no upstream, for the client's developer. It names no binding and no URL. */
export interface NoUpstream {
  readonly kind: "none";
  readonly detail: string;
}
export type ResolvedUpstream = Upstream | NoUpstream;

const MISSING: ResolvedUpstream = {
  kind: "none",
  detail: "No upstream is configured for this route: set its `upstream`, or the variable UPSTREAM.",
};
const NOT_A_URL: ResolvedUpstream = {
  kind: "none",
  detail: "The upstream of this route is not a valid URL.",
};
const NO_BINDING: ResolvedUpstream = {
  kind: "none",
  detail:
    "The upstream of this route names a binding that the Worker does not have: add it to wrangler.toml.",
};
const NOT_A_SERVICE: ResolvedUpstream = {
  kind: "none",
  detail: "The upstream of this route names a binding that is not a service.",
};

/** Parsed URLs: as many as a policy may have routes. */
const PARSED = new BoundedCache<ResolvedUpstream>(500);

/** The upstream of this name; `bindings` is the Worker's environment. */
export function resolveUpstream(named: string | null, bindings: object): ResolvedUpstream {
  if (named === null) return MISSING;
  if (!named.startsWith(SERVICE)) {
    const known = PARSED.getStale(named);
    if (known !== undefined) return known;
    const base = URL.parse(named);
    const upstream: ResolvedUpstream = base ? { kind: "url", base } : NOT_A_URL;
    PARSED.set(named, upstream, Infinity);
    return upstream;
  }
  const fetcher = serviceOf(bindings, named.slice(SERVICE.length));
  if (!fetcher) return fetcher === null ? NOT_A_SERVICE : NO_BINDING;
  return { kind: "service", fetcher };
}
