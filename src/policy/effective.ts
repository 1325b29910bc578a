/**
 * A policy document with its defaults written out and its limits by name, so that two documents that mean the same are the same: for
 * comparisons and for people. Never stored and never decided by; the Worker does not carry it.
 *
 * Whatever it does not know, it leaves as written: then equal policies may look different, but never the other way round.
 */
import { DEFAULT_TIMEOUT_MS } from "./compile.ts";
import { effectivePool } from "./effective-pool.ts";
import type { LimitDocument, PolicyDocument, RouteDocument, TierDocument } from "./schema.ts";

/** A limit as it applies: without its name, which is its key. */
export type EffectiveLimit = Readonly<Record<string, unknown>>;

/** Plain data. */
export type EffectivePolicy = Readonly<Record<string, unknown>>;

/** @param document that compiles. */
export function effectivePolicy(document: PolicyDocument): EffectivePolicy {
  const { headers = {}, enforcement = "on", rules = [], upstreams = {} } = document;
  return {
    ...document,
    enforcement,
    rules,
    headers: { xRateLimit: false, ...headers },
    upstreams: Object.fromEntries(
      Object.entries(upstreams).map(([name, pool]) => [name, effectivePool(pool)]),
    ),
    tiers: Object.fromEntries(
      Object.entries(document.tiers).map(([name, tier]) => [name, effectiveTier(tier, document)]),
    ),
    // Routes are tried in order, so the order counts.
    routes: document.routes.map((route) => effectiveRoute(route)),
  };
}

function effectiveTier({ shadow = false, ...tier }: TierDocument, { billing }: PolicyDocument): object {
  return {
    durability: "reserved",
    onLimiterFailure: "local",
    ...tier,
    mode: tier.mode === "strict" ? "strict" : "auto",
    limits: effectiveLimits(tier.limits, "user", shadow, billing?.anchorDay ?? 1),
  };
}

function effectiveRoute({ shadow = false, methods, ...route }: RouteDocument): object {
  return {
    cost: 1,
    auth: "optional",
    exactPath: false,
    timeoutMs: DEFAULT_TIMEOUT_MS,
    forwardKey: false,
    forwardOverrides: false,
    ...route,
    // Twice the same method is that method. Their order is part of the route's id.
    ...(methods ? { methods: [...new Set(methods)] } : {}),
    limits: effectiveLimits(route.limits ?? [], "route", shadow, 1),
  };
}

/** By name, since their order decides nothing. */
function effectiveLimits(
  limits: readonly LimitDocument[],
  scope: "user" | "route",
  shadow: boolean,
  billedAnchorDay: number,
): Readonly<Record<string, EffectiveLimit>> {
  return Object.fromEntries(
    limits.map(({ name, ...limit }) => {
      const named = limit.scope ?? scope;
      const own = scope === "route" && named === "user" ? "route" : named;
      return [
        name,
        { ...limit, ...defaultsOf(limit, billedAnchorDay), scope: own, ...shadowOf(limit, shadow) },
      ];
    }),
  );
}

type Unnamed = Omit<LimitDocument, "name">;

function defaultsOf(limit: Unnamed, billedAnchorDay: number): object {
  if ("tokens" in limit) return { burst: ("burst" in limit ? limit.burst : undefined) ?? limit.tokens };
  if (!("amount" in limit)) return {};
  // The period of a quota with overage is the bill's.
  if ("overage" in limit && limit.overage !== undefined) return { anchorDay: billedAnchorDay };
  return { anchorDay: ("anchorDay" in limit ? limit.anchorDay : undefined) ?? 1 };
}

/** A quota with overage is never in shadow. */
function shadowOf(limit: Unnamed, byDefault: boolean): object {
  const isBilled = "overage" in limit && limit.overage !== undefined;
  return { shadow: !isBilled && (limit.shadow ?? byDefault) };
}
