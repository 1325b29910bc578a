/**
 * Which route a request takes: the first in the policy's order whose pattern and methods match.
 *
 * path-patterns.ts matches the paths, with work that is bounded whatever the policy and the path. Recent paths are remembered, which is
 * faster still. Also finds the routes that an earlier one shadows.
 */
import type { Route } from "./compiled.ts";
import { type Fault, pointer } from "./fault.ts";
import { type Bits, emptyBits, firstInBoth, include, PathPatterns } from "./path-patterns.ts";
import { PathMemory } from "./path-memory.ts";

/** Paths that no policy route can shadow (3-wire), as Hono spells them: a tree is the path itself and all below it. */
export const RESERVED_TREES = ["/api/v1/*", "/dashboard/*", "/docs/*", "/health", "/ready"] as const;

/** No policy route begins like this, whatever follows. */
const RESERVED_PREFIXES = ["/api/v1/", "/dashboard", "/docs"];
const RESERVED_PATHS = new Set(["/api/v1", "/health", "/ready"]);

/** Whether a path or pattern lies in what the limiter keeps for itself. */
export function isReserved(path: string): boolean {
  for (const prefix of RESERVED_PREFIXES) if (path.startsWith(prefix)) return true;
  return RESERVED_PATHS.has(path);
}

export type RouteMatch =
  | { readonly kind: "route"; readonly route: Route }
  | { readonly kind: "method-not-allowed"; readonly allow: readonly string[] }
  | { readonly kind: "none" };

/** The methods that a route may name. */
const METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const NONE: RouteMatch = { kind: "none" };
/** No policy can contain it, as a segment or as a method: a route that takes it takes any. */
const ANY = "\u0001";

/** Paths remembered that take a route. */
const REMEMBERED_MATCHES = 2_000;
/** And that take none. */
const REMEMBERED_MISSES = 1_000;

export class RouteTable {
  readonly all: readonly Route[];
  readonly faults: readonly Fault[];
  readonly #byId = new Map<string, Route>();
  readonly #patterns: PathPatterns;
  readonly #matches: readonly RouteMatch[];
  /** The routes that take a method, for each that a route may name. */
  readonly #byMethod: ReadonlyMap<string, Bits>;
  /** The routes that take every method. */
  readonly #anyMethod: Bits;
  readonly #taken = new PathMemory<RouteMatch>(REMEMBERED_MATCHES);
  /** Apart, so that made-up paths evict none that takes a route. */
  readonly #missed = new PathMemory<RouteMatch>(REMEMBERED_MISSES);

  constructor(routes: readonly Route[]) {
    this.all = routes;
    this.#patterns = new PathPatterns(routes.length);
    this.#matches = routes.map((route) => ({ kind: "route", route }));
    this.#byMethod = new Map(METHODS.map((method) => [method, emptyBits(routes.length)]));
    this.#anyMethod = emptyBits(routes.length);
    const faults: Fault[] = [];
    routes.forEach((route, i) => {
      if (this.#isShadowed(route)) {
        const message = `"${route.id}" is never reached: an earlier route takes all of its requests`;
        faults.push({ path: pointer(["routes", i, "match"]), message });
      }
      this.#byId.set(route.id, route);
      this.#patterns.add(i, route.match);
      for (const method of route.methods ?? METHODS) include(this.#taking(method), i);
      if (!route.methods) include(this.#anyMethod, i);
    });
    this.faults = faults;
  }

  /** Segments compared so far: the work of compiling and matching, in the steps of path-patterns.ts. */
  get comparisons(): number {
    return this.#patterns.comparisons;
  }

  /** Paths remembered now. */
  get remembered(): number {
    return this.#taken.size + this.#missed.size;
  }

  /** The route of that id, or null where this revision has none. */
  byId(id: string): Route | null {
    return this.#byId.get(id) ?? null;
  }

  /** The route that a caller of the decision API names: by its id, or by its match alone where only one route has it. */
  byName(name: string): Route | null {
    const byId = this.byId(name);
    if (byId) return byId;
    const [route, ...others] = this.all.filter(({ match }) => match === name);
    return route && others.length === 0 ? route : null;
  }

  /** `path` must be canonical (see gateway/canonical-path.ts). HEAD takes a route for GET where there is none of its own. */
  match(method: string, path: string): RouteMatch {
    const known = this.#taken.get(method, path) ?? this.#missed.get(method, path);
    if (known) return known;
    const match = this.#match(method, path);
    (match.kind === "route" ? this.#taken : this.#missed).set(method, path, match);
    return match;
  }

  #match(method: string, path: string): RouteMatch {
    const found = this.#patterns.matching(path);
    const match = this.#first(method, found);
    if (match) return match;
    const allow = METHODS.filter((other) => this.#first(other, found));
    return allow.length > 0 ? { kind: "method-not-allowed", allow } : NONE;
  }

  #first(method: string, found: Bits): RouteMatch | undefined {
    const own = this.#matches[firstInBoth(found, this.#taking(method))];
    return own ?? (method === "HEAD" ? this.#first("GET", found) : undefined);
  }

  #taking(method: string): Bits {
    return this.#byMethod.get(method) ?? this.#anyMethod;
  }

  /**
   * Whether for each of its methods one earlier route matches every path that it matches. One sample path decides, since patterns have
   * no expressions.
   */
  #isShadowed(route: Route): boolean {
    const general = route.match.replaceAll(/:[^/]+/g, ANY);
    const covering = general.endsWith("/*")
      ? this.#starsOver(general.slice(0, -2))
      : this.#patterns.matching(general);
    const methods = route.methods ?? [...METHODS, ANY];
    return methods.every((method) => firstInBoth(covering, this.#taking(method)) !== -1);
  }

  /** The patterns that match a path and all below it: only those with a star match it and a path that is a segment longer. */
  #starsOver(path: string): Bits {
    const here = this.#patterns.matching(path).slice();
    const below = this.#patterns.matching(`${path}/${ANY}`);
    return here.map((word, i) => word & (below[i] ?? 0));
  }
}
