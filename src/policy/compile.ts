/**
 * Compiles a policy document into what decisions need, or returns every fault that keeps it from taking effect.
 *
 * A compiled policy is immutable and belongs to one revision. Pure: no I/O and no clock.
 */
import { capacityMilli } from "../core/limit.ts";
import { REQUESTS } from "../core/unit-costs.ts";
import { toTokens } from "../core/units.ts";
import { BUILT_IN_TIERS } from "./built-in-tiers.ts";
import { compileLimits, type Shadow, smallestLimit } from "./compile-limits.ts";
import type { BillingDocument } from "./billing-schema.ts";
import { costOf, unitFaults, unitsOf } from "./costs.ts";
import type { Route, ScopedLimit, Tier, TierBilling } from "./compiled.ts";
import { type Fault, knownNames, MAX_FAULTS, parseBy, type Parsed, pointer } from "./fault.ts";
import { isReserved, RouteTable } from "./route-table.ts";
import {
  type LimitDocument,
  type PolicyDocument,
  policySchema,
  type RouteDocument,
  type TierDocument,
} from "./schema.ts";
import { type Pool, poolsOf, routePool } from "./pool.ts";
import { routeCache } from "./route-cache.ts";
import { noticesOf } from "./route-notices.ts";
import { routeUsage } from "./route-usage.ts";
import { routeRules, rulesByRoute, type RulesByRoute } from "./rule.ts";
import { RuleSet } from "./rule-set.ts";
import { transformOf } from "./transform-schema.ts";
import { ownTier } from "./unlimited.ts";

export const DEFAULT_TIMEOUT_MS = 30_000;

export interface Policy {
  readonly revision: number;
  readonly tiers: ReadonlyMap<string, Tier>;
  readonly routes: RouteTable;
  /** By the names that routes give, `pool:NAME`. */
  readonly pools: ReadonlyMap<string, Pool>;
  /** What its limits, costs and prices count, and requests. */
  readonly units: ReadonlySet<string>;
  readonly anonymousTier: string;
  readonly defaultTier: string;
  /** Whether any limit is in shadow. */
  readonly hasShadow: boolean;
  /** null: it has none. */
  readonly rules: RuleSet | null;
  /** null: nothing is billed. */
  readonly billing: BillingDocument | null;
  /** The kinds of events to report; null: none. */
  readonly events: ReadonlySet<string> | null;
  /** Whether to send X-RateLimit-* too: off by default, since each header costs about 3 % of a request. */
  readonly xRateLimit: boolean;
  /** Whether to send Server-Timing too; null: as the deployment's settings say. */
  readonly serverTiming: boolean | null;
  readonly cors: PolicyDocument["cors"] | null;
}

/** Compiles an untrusted document as this revision, or returns at most {@link MAX_FAULTS} faults. The schema bounds the work. */
export function compilePolicy(document: unknown, revision: number): Parsed<Policy> {
  const parsed = parseBy(policySchema, document);
  return parsed.ok ? compileDocument(parsed.value, revision) : parsed;
}

/** As {@link compilePolicy}, for a document that the schema has parsed. */
export function compileDocument(source: PolicyDocument, revision: number): Parsed<Policy> {
  const faults: Fault[] = [];

  const tiers = new Map<string, Tier>();
  for (const [name, tier] of Object.entries(source.tiers)) {
    tiers.set(name, {
      name,
      limits: compileLimits(
        tier.limits.map((limit) => inBillingPeriod(limit, source.billing)),
        "user",
        ["tiers", name, "limits"],
        faults,
        shadowOf(source, tier),
      ),
      mode: tier.mode === "strict" ? "strict" : "auto",
      durability: tier.durability ?? "reserved",
      onLimiterFailure: tier.onLimiterFailure ?? "local",
      billing: source.billing ? billingOf(source.billing, tier) : null,
    });
  }
  for (const field of ["anonymousTier", "defaultTier"] as const) {
    if (!tiers.has(source[field])) {
      faults.push({
        path: pointer([field]),
        message: `unknown tier "${source[field]}" ${knownNames(tiers.keys())}`,
      });
    }
  }

  faults.push(...unitFaults(source));
  const pools = poolsOf(source.upstreams);
  const context = contextOf(tiers, rulesByRoute(source.rules ?? []), pools);
  const routes = source.routes.map((route, i) =>
    compileRoute(route, i, context, shadowOf(source, route), faults),
  );
  const table = new RouteTable(routes, source.billing?.portal !== undefined);
  faults.push(...table.faults);
  if (faults.length > 0) return { ok: false, faults: faults.slice(0, MAX_FAULTS) };
  return {
    ok: true,
    value: {
      revision,
      tiers,
      routes: table,
      pools,
      units: unitsOf(source),
      anonymousTier: source.anonymousTier,
      defaultTier: source.defaultTier,
      hasShadow: [...tiers.values(), ...routes].some(({ limits }) => limits.some(({ isShadow }) => isShadow)),
      rules: source.rules?.length ? new RuleSet(source.rules, routes) : null,
      billing: source.billing ?? null,
      events: source.events?.length ? new Set(source.events) : null,
      xRateLimit: source.headers?.xRateLimit ?? false,
      serverTiming: source.headers?.serverTiming ?? null,
      cors: source.cors ?? null,
    },
  };
}

function shadowOf({ enforcement }: PolicyDocument, { shadow }: Pick<TierDocument, "shadow">): Shadow {
  if (enforcement === "shadow") return "all";
  return shadow ? "byDefault" : "named";
}

function billingOf(billing: BillingDocument, { plan = {}, limits }: TierDocument): TierBilling {
  const quota = limits.find((limit) => limit.kind === "quota" && limit.overage !== undefined);
  const fields = quota?.kind === "quota" ? quota.overage : undefined;
  return { billing, plan, overage: quota && fields ? { limit: quota.name, fields } : null };
}

/** An overage quota counts in the billing period, so that a bill and a limit never disagree about where a period begins. */
function inBillingPeriod(limit: LimitDocument, billing: BillingDocument | undefined): LimitDocument {
  const isBilled = billing && limit.kind === "quota" && limit.overage !== undefined;
  return isBilled ? { ...limit, anchorDay: billing.anchorDay ?? 1 } : limit;
}

/** The tier of that name; the default tier if the policy has none of it. A request without limits names its own tier (unlimited.ts). */
export function tierOf(policy: Policy, name: string): Tier {
  const tier =
    policy.tiers.get(name) ??
    BUILT_IN_TIERS.get(name) ??
    policy.tiers.get(ownTier(name)) ??
    policy.tiers.get(policy.defaultTier);
  if (!tier) throw new Error("a compiled policy has its default tier");
  return tier;
}

/** The capacity of a tier's limit by name, in millitokens (slots for a concurrency limit); null if it has none. */
export function capacityOf(tier: Tier, name: string): number | null {
  const limit = tier.limits.find((scoped) => scoped.limit.name === name)?.limit;
  if (!limit) return null;
  return limit.kind === "concurrency" ? limit.max : capacityMilli(limit);
}

/** Facts about all tiers and rules that every route is checked against. */
interface RouteContext {
  /** The first tier that has a limit of a name. */
  readonly tierByLimit: ReadonlyMap<string, string>;
  /** Ids of routes that a tier has a price for: their requests are counted even if they cost no tokens. */
  readonly priced: ReadonlySet<string>;
  readonly tiers: readonly Tier[];
  readonly rules: RulesByRoute;
  readonly pools: ReadonlyMap<string, Pool>;
}

function contextOf(
  tiers: ReadonlyMap<string, Tier>,
  rules: RulesByRoute,
  pools: ReadonlyMap<string, Pool>,
): RouteContext {
  const tierByLimit = new Map<string, string>();
  const priced = new Set<string>();
  for (const tier of tiers.values()) {
    for (const { route } of tier.billing?.plan.prices ?? []) priced.add(route);
    for (const { limit } of tier.limits) {
      if (!tierByLimit.has(limit.name)) tierByLimit.set(limit.name, tier.name);
    }
  }
  return { tierByLimit, priced, tiers: [...tiers.values()], rules, pools };
}

function compileRoute(
  route: RouteDocument,
  index: number,
  { tierByLimit, priced, tiers, rules, pools }: RouteContext,
  shadow: Shadow,
  faults: Fault[],
): Route {
  const path = ["routes", index];
  if (isReserved(route.match)) {
    faults.push({
      path: pointer([...path, "match"]),
      message: "is reserved for the limiter's own API: choose another path",
    });
  }
  const limits = compileLimits(route.limits ?? [], "route", [...path, "limits"], faults, shadow);
  const { costMilli, units } = costOf(route.cost ?? 1);
  checkNames(limits, tierByLimit, path, faults);
  checkCost(limits, REQUESTS, costMilli, tiers, [...path, "cost"], faults);
  for (const [unit, milli] of units ?? []) {
    checkCost(limits, unit, milli, tiers, [...path, "cost", unit], faults);
  }
  const usage = routeUsage(route, [...limits, ...tiers.flatMap((tier) => tier.limits)], path, faults);
  if (usage) checkCost(limits, usage.unit, usage.reserveMilli, tiers, [...path, "usage", "reserve"], faults);
  const methods = route.methods ? [...new Set(route.methods)] : null;
  const id = methods ? `${methods.join(",")} ${route.match}` : route.match;
  return {
    id,
    match: route.match,
    methods,
    costMilli,
    units,
    limits,
    isExempt: costMilli === 0 && units === null && usage === null && limits.length === 0 && !priced.has(id),
    requiresCredential: route.auth === "required",
    ignoresCredential: route.auth === "none",
    rules: routeRules(rules, { id, match: route.match }),
    exactPath: route.exactPath ?? false,
    upstream: route.upstream ?? null,
    pool: routePool(route.upstream, pools, path, faults),
    timeoutMs: route.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    forwardKey: route.forwardKey ?? false,
    forwardOverrides: route.forwardOverrides ?? false,
    notices: noticesOf(route, path, faults),
    usage,
    cache: routeCache(route),
    transform: transformOf(route),
  };
}

/** Limits of a tier and a route may apply to one request, so their names must differ. One fault per limit, for any number of tiers. */
function checkNames(
  limits: readonly ScopedLimit[],
  tierByLimit: ReadonlyMap<string, string>,
  path: readonly PropertyKey[],
  faults: Fault[],
): void {
  limits.forEach(({ limit }, i) => {
    const tier = tierByLimit.get(limit.name);
    if (tier === undefined) return;
    const message = `tier "${tier}" already has a limit named "${limit.name}": choose another name`;
    faults.push({ path: pointer([...path, "limits", i, "name"]), message });
  });
}

/** A cost in a unit may exceed the capacity of some tiers, but not of the route's own limits or of every tier. */
function checkCost(
  limits: readonly ScopedLimit[],
  unit: string,
  costMilli: number,
  tiers: readonly Tier[],
  path: readonly PropertyKey[],
  faults: Fault[],
): void {
  const ofTiers = tiers.map((tier) => smallestLimit(tier.limits, unit));
  const widest = ofTiers.toSorted((a, b) => b.capacity - a.capacity).slice(0, 1);
  for (const { name, capacity } of [smallestLimit(limits, unit), ...widest]) {
    if (costMilli <= capacity) continue;
    const message = `a cost of ${toTokens(costMilli)} can never be admitted: the limit "${name}" holds ${toTokens(capacity)}`;
    faults.push({ path: pointer(path), message });
  }
}
