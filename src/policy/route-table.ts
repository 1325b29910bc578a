/**
 * Which route a request takes: the first in the policy's order whose pattern and methods match.
 *
 * Matching is Hono's TrieRouter over plain patterns (literals, `:param`, a final `*`), so it is linear in the path and
 * takes no regular expression from a policy. Also finds the faults between routes: one that an earlier route always
 * shadows, and one that two routes would share a name for.
 */
import { TrieRouter } from "hono/router/trie-router";
import type { Route } from "./compile.ts";
import { type Fault, pointer } from "./fault.ts";

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
/** Stands for "any method" in the router: a method of its own, so that order alone decides between routes. */
const ANY = "ALL";

/** Paths whose route is remembered; all are forgotten when there are more. About 300 bytes each. */
const REMEMBERED_PATHS = 2_000;
const LONGEST_REMEMBERED = 256;

export class RouteTable {
  readonly all: readonly Route[];
  readonly faults: readonly Fault[];
  readonly #byId = new Map<string, Route>();
  readonly #router = new TrieRouter<Route>();
  /** By method, then path. */
  readonly #remembered = new Map<string, Map<string, RouteMatch>>();
  #rememberedPaths = 0;

  constructor(routes: readonly Route[]) {
    this.all = routes;
    const faults: Fault[] = [];
    routes.forEach((route, i) => {
      if (this.#isShadowed(route)) {
        const message = `"${route.id}" is never reached: an earlier route takes all of its requests`;
        faults.push({ path: pointer(["routes", i, "match"]), message });
      }
      this.#byId.set(route.id, route);
      for (const method of route.methods ?? [ANY]) this.#router.add(method, route.match, route);
    });
    this.faults = faults;
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
    const known = this.#remembered.get(method)?.get(path);
    if (known) return known;
    const match = this.#match(method, path);
    if (match.kind === "route" && path.length <= LONGEST_REMEMBERED) this.#remember(method, path, match);
    return match;
  }

  #match(method: string, path: string): RouteMatch {
    const route = this.#taking(method, path);
    if (route) return { kind: "route", route };
    const allow = METHODS.filter((other) => this.#taking(other, path));
    return allow.length > 0 ? { kind: "method-not-allowed", allow } : NONE;
  }

  #remember(method: string, path: string, match: RouteMatch): void {
    if (this.#rememberedPaths >= REMEMBERED_PATHS) {
      this.#remembered.clear();
      this.#rememberedPaths = 0;
    }
    const paths = this.#remembered.get(method) ?? new Map<string, RouteMatch>();
    this.#remembered.set(method, paths.set(path, match));
    this.#rememberedPaths += 1;
  }

  #taking(method: string, path: string): Route | undefined {
    return this.#first(method, path) ?? (method === "HEAD" ? this.#first("GET", path) : undefined);
  }

  #first(method: string, path: string): Route | undefined {
    return this.#router.match(method, path)[0][0]?.[0];
  }

  /** A segment that no policy can spell stands for any: what matches it matches all, since there are no expressions. */
  #isShadowed(route: Route): boolean {
    const generic = route.match.replaceAll(/:[^/]+/g, "\u0001");
    const samples = generic.endsWith("/*")
      ? [generic.slice(0, -2) || "/", `${generic.slice(0, -1)}\u0001`, `${generic.slice(0, -1)}\u0001/\u0001`]
      : [generic];
    const methods = route.methods ?? [...METHODS, "\u0001"];
    return samples.every((path) => methods.every((method) => this.#first(method, path) !== undefined));
  }
}
