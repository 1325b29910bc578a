/** A rule of a policy as it applies, and which routes it names. Pure: no I/O and no clock. */
import type { Route, RouteRules } from "./compiled.ts";
import type { Bits } from "./path-patterns.ts";
import type { RuleDocument } from "./rule-schema.ts";

export interface Rule {
  readonly name: string;
  readonly action: "allow" | "deny" | "tier";
  /** Of the action `tier`. */
  readonly tier: string | null;
}

/** What rules read of a request. */
export interface RuleRequest {
  readonly headers: Headers;
  /** Cloudflare's facts about the connection. */
  readonly cf?: unknown;
}

/** The rules of a request. */
export interface RuleMatch {
  /** The one that applies; null: none does, or that depends on the caller. */
  readonly rule: Rule | null;
  /** The first one in shadow that would have applied before it. */
  readonly shadow: Rule | null;
  /** The rules that may match once the caller is known; null: it does not depend on that. */
  readonly pending: Bits | null;
}

export function toRule({ name, then }: RuleDocument): Rule {
  return typeof then === "string"
    ? { name, action: then, tier: null }
    : { name, action: "tier", tier: then.tier };
}

/** Rules in effect by the routes that they name, each by its id or its match. */
export type RulesByRoute = ReadonlyMap<string, ReadonlyMap<number, Rule["action"]>>;

/** Rules in shadow are left out. */
export function rulesByRoute(documents: readonly RuleDocument[]): RulesByRoute {
  const byRoute = new Map<string, Map<number, Rule["action"]>>();
  documents.forEach((document, i) => {
    if (document.shadow) return;
    for (const name of routeNames(document.if) ?? []) {
      const rules = byRoute.get(name) ?? new Map<number, Rule["action"]>();
      byRoute.set(name, rules.set(i, toRule(document).action));
    }
  });
  return byRoute;
}

/** The rules that name a route, for the comparison of routes. Null: none does. */
export function routeRules(
  byRoute: RulesByRoute,
  { id, match }: Pick<Route, "id" | "match">,
): RouteRules | null {
  const [byId, byMatch] = [byRoute.get(id), byRoute.get(match)];
  return byId && byMatch ? new Map([...byId, ...byMatch]) : (byId ?? byMatch ?? null);
}

/** The names of routes that a rule's members list; undefined: it is for any route. */
export function routeNames({ route }: RuleDocument["if"]): readonly string[] | undefined {
  return typeof route === "string" ? [route] : route;
}
