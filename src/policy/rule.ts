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

type RouteName = Pick<Route, "id" | "match">;

/** Whether a rule means the route: by its id, or by its match, which several may have. */
export function isNamed(named: string | readonly string[], { id, match }: RouteName): boolean {
  return typeof named === "string"
    ? named === id || named === match
    : named.includes(id) || named.includes(match);
}

/** The rules that name a route, for the comparison of routes. Null: none does. */
export function routeRules(documents: readonly RuleDocument[], route: RouteName): RouteRules | null {
  const rules = new Map<number, Rule["action"]>();
  documents.forEach((document, i) => {
    const { route: named } = document.if;
    if (!document.shadow && named !== undefined && isNamed(named, route))
      rules.set(i, toRule(document).action);
  });
  return rules.size > 0 ? rules : null;
}
