/**
 * Finds a request's route: the first in the policy's order whose pattern and methods match, unless an upstream may read the path as one of
 * a stricter route (path-spellings.ts).
 *
 * path-patterns.ts matches paths with bounded work for any policy and path. Recent paths are cached, which is faster still. Also finds
 * routes that an earlier one shadows.
 */
import type { Route } from "./compiled.ts";
import { type Fault, pointer } from "./fault.ts";
import { type Bits, emptyBits, firstInBoth, include, includeBoth, PathPatterns } from "./path-patterns.ts";
import { PathMemory } from "./path-memory.ts";
import { foldPath, spellingsOf } from "./path-spellings.ts";
import { isAsStrict } from "./route-strictness.ts";

/** Paths of the limiter's own API, in Hono's syntax: a tree is the path itself and everything below it. No policy route may match them. */
export const RESERVED_TREES = ["/api/v1/*", "/dashboard/*", "/docs/*", "/health", "/ready"] as const;

/** A path with such a prefix is reserved, whatever follows. */
const RESERVED_PREFIXES = ["/api/v1/", "/dashboard", "/docs"];
const RESERVED_PATHS = new Set(["/api/v1", "/health", "/ready"]);

/** Whether a path or pattern is reserved for the limiter's own API. */
export function isReserved(path: string): boolean {
  for (const prefix of RESERVED_PREFIXES) if (path.startsWith(prefix)) return true;
  return RESERVED_PATHS.has(path);
}

/** The tree of the customers' portal, in Hono's syntax. Reserved only if the policy has a portal. */
export const PORTAL_TREE = "/portal/*";

/** Whether a path or pattern lies in the tree of the portal. */
export function isOfPortal(path: string): boolean {
  return path === "/portal" || path.startsWith("/portal/");
}

export type RouteMatch =
  | { readonly kind: "route"; readonly route: Route }
  | { readonly kind: "method-not-allowed"; readonly allow: readonly string[] }
  /** Upstreams may read the path as one of another route, and neither route is stricter. */
  | { readonly kind: "ambiguous" }
  | { readonly kind: "none" };

/** The methods that a route may name. */
export const METHODS: readonly string[] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const NONE: RouteMatch = { kind: "none" };
const AMBIGUOUS: RouteMatch = { kind: "ambiguous" };
/** Stands for any segment or method: no policy can contain it, so a route that accepts it accepts all. */
const ANY = "\u0001";

/** Cached paths that match a route. */
const REMEMBERED_MATCHES = 2_000;
/** Cached paths that match none. */
const REMEMBERED_MISSES = 1_000;

export class RouteTable {
  readonly all: readonly Route[];
  readonly faults: readonly Fault[];
  readonly #byId = new Map<string, Route>();
  readonly #patterns: PathPatterns;
  /** The patterns folded, without those of exact routes. The same as `#patterns` if there is no difference, as in most policies. */
  readonly #folded: PathPatterns;
  /** The routes that match no other spelling of their paths. */
  readonly #exact: Bits;
  readonly #matches: readonly { readonly kind: "route"; readonly route: Route }[];
  /** The routes that accept each method that a route may name. */
  readonly #byMethod: ReadonlyMap<string, Bits>;
  /** The routes that accept every method. */
  readonly #anyMethod: Bits;
  readonly #hasPortal: boolean;
  readonly #taken = new PathMemory<RouteMatch>(REMEMBERED_MATCHES);
  /** Separate, so that made-up paths cannot evict those that match a route. */
  readonly #missed = new PathMemory<RouteMatch>(REMEMBERED_MISSES);

  /** @param hasPortal whether the policy has a portal, whose paths then match no route. */
  constructor(routes: readonly Route[], hasPortal = false) {
    this.all = routes;
    this.#hasPortal = hasPortal;
    this.#patterns = new PathPatterns(routes.length);
    const isFolded = routes.every((route) => !route.exactPath && isFoldedPattern(route.match));
    this.#folded = isFolded ? this.#patterns : new PathPatterns(routes.length);
    this.#exact = emptyBits(routes.length);
    this.#matches = routes.map((route) => ({ kind: "route", route }));
    this.#byMethod = new Map(METHODS.map((method) => [method, emptyBits(routes.length)]));
    this.#anyMethod = emptyBits(routes.length);
    const faults: Fault[] = [];
    routes.forEach((route, i) => {
      if (this.#isShadowed(route)) {
        const message = `"${route.id}" is never reached: an earlier route matches all of its requests. Move it before that route, or delete it`;
        faults.push({ path: pointer(["routes", i, "match"]), message });
      }
      this.#byId.set(route.id, route);
      this.#patterns.add(i, route.match);
      if (route.exactPath) include(this.#exact, i);
      else if (!isFolded) this.#folded.add(i, foldPath(route.match));
      for (const method of route.methods ?? METHODS) include(this.#taking(method), i);
      if (!route.methods) include(this.#anyMethod, i);
    });
    this.faults = faults;
  }

  /** Segments compared so far by compiling and matching, for tests (see path-patterns.ts). */
  get comparisons(): number {
    const folded = this.#folded === this.#patterns ? 0 : this.#folded.comparisons;
    return this.#patterns.comparisons + folded;
  }

  /** Number of cached paths. */
  get remembered(): number {
    return this.#taken.size + this.#missed.size;
  }

  /** The route of that id; null if this revision has none. */
  byId(id: string): Route | null {
    return this.#byId.get(id) ?? null;
  }

  /** The route that a caller of the decision API names: by its id, or by its match if only one route has it. */
  byName(name: string): Route | null {
    const byId = this.byId(name);
    if (byId) return byId;
    const [route, ...others] = this.all.filter(({ match }) => match === name);
    return route && others.length === 0 ? route : null;
  }

  /** `path` must be canonical (src/gateway/canonical-path.ts). HEAD uses the route of GET unless one names HEAD. */
  match(method: string, path: string): RouteMatch {
    const known = this.#taken.get(method, path) ?? this.#missed.get(method, path);
    if (known) return known;
    const match = this.#match(method, path);
    (match.kind === "route" ? this.#taken : this.#missed).set(method, path, match);
    return match;
  }

  #match(method: string, path: string): RouteMatch {
    if (this.#hasPortal && isOfPortal(path)) return NONE;
    const found = this.#patterns.matching(path);
    const first = this.#first(method, found);
    const match = this.#matches[first];
    if (!match) {
      const allow = METHODS.filter((other) => this.#first(other, found) !== -1);
      return allow.length > 0 ? { kind: "method-not-allowed", allow } : NONE;
    }
    // The policy itself names this very spelling.
    if (isLiteral(match.route.match)) return match;
    const spellings = spellingsOf(path);
    if (spellings.size === 1 && this.#folded === this.#patterns) return match;
    const readings = new Set([first]);
    for (const spelling of spellings) {
      const folded = this.#folded.matching(spelling);
      includeBoth(folded, found, this.#exact);
      readings.add(this.#first(method, folded));
    }
    return this.#strictest(readings);
  }

  /** The first of these routes that is as strict as each of them. */
  #strictest(indices: ReadonlySet<number>): RouteMatch {
    const matches = this.#matches.filter((_, i) => indices.has(i));
    const strictest = matches.find(({ route }) => matches.every((other) => isAsStrict(route, other.route)));
    return strictest ?? AMBIGUOUS;
  }

  /**
   * The index of the first of these routes that takes the method; -1 if there is none. HEAD takes the route of GET unless it finds one that
   * names it: an upstream does the work of GET for it, so no route for all methods may take it past the rules and limits of GET.
   */
  #first(method: string, found: Bits): number {
    const own = firstInBoth(found, this.#taking(method));
    const isNamed = own !== -1 && this.all[own]?.methods !== null;
    return method !== "HEAD" || isNamed ? own : this.#first("GET", found);
  }

  #taking(method: string): Bits {
    return this.#byMethod.get(method) ?? this.#anyMethod;
  }

  /**
   * Whether, for each of its methods, one earlier route matches every path that this route matches. One sample path decides, since
   * patterns have no regular expressions.
   */
  #isShadowed(route: Route): boolean {
    const general = route.match.replaceAll(/:[^/]+/g, ANY);
    const covering = general.endsWith("/*")
      ? this.#starsOver(general.slice(0, -2))
      : this.#patterns.matching(general);
    const methods = route.methods ?? [...METHODS, ANY];
    return methods.every((method) => firstInBoth(covering, this.#taking(method)) !== -1);
  }

  /** The patterns that match a path and everything below it: only those with a star match both it and a longer path. */
  #starsOver(path: string): Bits {
    const here = this.#patterns.matching(path).slice();
    const below = this.#patterns.matching(`${path}/${ANY}`);
    return here.map((word, i) => word & (below[i] ?? 0));
  }
}

function isLiteral(pattern: string): boolean {
  return !/[:*]/.test(pattern);
}

/** Whether folding leaves a pattern as it is, apart from the names of its parameters. */
function isFoldedPattern(pattern: string): boolean {
  const nameless = pattern.replaceAll(/:[^/]+/g, ":");
  return foldPath(nameless) === nameless;
}
