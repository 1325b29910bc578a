/**
 * Compiles a policy document into what decisions need, or returns every fault that keeps it from taking effect.
 *
 * A compiled policy is immutable and belongs to one revision. Pure: no I/O and no clock.
 */
import { capacityMilli } from "../core/limit.ts";
import { toMilli, toTokens } from "../core/units.ts";
import { BUILT_IN_TIERS } from "./built-in-tiers.ts";
import { compileLimits, type Holding, smallest } from "./compile-limits.ts";
import type { Route, ScopedLimit, Tier } from "./compiled.ts";
import { type Fault, MAX_FAULTS, parseBy, type Parsed, pointer } from "./fault.ts";
import { isReserved, RouteTable } from "./route-table.ts";
import { type PolicyDocument, policySchema, type RouteDocument } from "./schema.ts";

export const DEFAULT_TIMEOUT_MS = 30_000;

export interface Policy {
  readonly revision: number;
  readonly tiers: ReadonlyMap<string, Tier>;
  readonly routes: RouteTable;
  readonly anonymousTier: string;
  readonly defaultTier: string;
  readonly xRateLimit: boolean;
  readonly cors: PolicyDocument["cors"] | null;
}

/**
 * Compiles an untrusted document. `revision` is the one it will be known by. The schema bounds the work; there are 50 faults at most.
 */
export function compilePolicy(document: unknown, revision: number): Parsed<Policy> {
  const parsed = parseBy(policySchema, document);
  if (!parsed.ok) return parsed;
  const source = parsed.value;
  const faults: Fault[] = [];

  const tiers = new Map<string, Tier>();
  for (const [name, tier] of Object.entries(source.tiers)) {
    tiers.set(name, {
      name,
      limits: compileLimits(tier.limits, "user", ["tiers", name, "limits"], faults),
      mode: tier.mode ?? "strict",
      durability: tier.durability ?? "reserved",
      onLimiterFailure: tier.onLimiterFailure ?? "local",
    });
  }
  for (const field of ["anonymousTier", "defaultTier"] as const) {
    if (!tiers.has(source[field])) {
      faults.push({ path: pointer([field]), message: `there is no tier "${source[field]}"` });
    }
  }

  const context = contextOf(tiers);
  const routes = source.routes.map((route, i) => compileRoute(route, i, context, faults));
  const table = new RouteTable(routes);
  faults.push(...table.faults);
  if (faults.length > 0) return { ok: false, faults: faults.slice(0, MAX_FAULTS) };
  return {
    ok: true,
    value: {
      revision,
      tiers,
      routes: table,
      anonymousTier: source.anonymousTier,
      defaultTier: source.defaultTier,
      xRateLimit: source.headers?.xRateLimit ?? true,
      cors: source.cors ?? null,
    },
  };
}

/** The tier of that name; the default tier if the policy has none of it. */
export function tierOf(policy: Policy, name: string): Tier {
  const tier = policy.tiers.get(name) ?? BUILT_IN_TIERS.get(name) ?? policy.tiers.get(policy.defaultTier);
  if (!tier) throw new Error("a compiled policy has its default tier");
  return tier;
}

/** The capacity of a tier's limit by name, in millitokens (slots for a concurrency limit); null if it has none. */
export function capacityOf(tier: Tier, name: string): number | null {
  const limit = tier.limits.find((scoped) => scoped.limit.name === name)?.limit;
  if (!limit) return null;
  return limit.kind === "concurrency" ? limit.max : capacityMilli(limit);
}

/** What routes are checked against, computed once for all of them. */
interface RouteContext {
  /** By the name of a limit: the first tier that has one of that name. */
  readonly tierByLimit: ReadonlyMap<string, string>;
  /** The limit that a route's cost must not exceed: the smallest of the tier that holds most. */
  readonly widest: Holding | null;
}

function contextOf(tiers: ReadonlyMap<string, Tier>): RouteContext {
  const tierByLimit = new Map<string, string>();
  let widest: Holding | null = null;
  for (const tier of tiers.values()) {
    for (const { limit } of tier.limits) {
      if (!tierByLimit.has(limit.name)) tierByLimit.set(limit.name, tier.name);
    }
    const holding = smallest(tier.limits);
    if (!widest || holding.holds > widest.holds) widest = holding;
  }
  return { tierByLimit, widest };
}

function compileRoute(
  route: RouteDocument,
  index: number,
  { tierByLimit, widest }: RouteContext,
  faults: Fault[],
): Route {
  const path = ["routes", index];
  if (isReserved(route.match)) {
    faults.push({
      path: pointer([...path, "match"]),
      message: "is a path that the limiter keeps for itself",
    });
  }
  const limits = compileLimits(route.limits ?? [], "route", [...path, "limits"], faults);
  const costMilli = toMilli(route.cost ?? 1) ?? 0;
  checkNames(limits, tierByLimit, path, faults);
  checkCost(limits, costMilli, widest, path, faults);
  const methods = route.methods ? [...new Set(route.methods)] : null;
  return {
    id: methods ? `${methods.join(",")} ${route.match}` : route.match,
    match: route.match,
    methods,
    costMilli,
    limits,
    requiresCredential: route.auth === "required",
    upstream: route.upstream ?? null,
    timeoutMs: route.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    forwardKey: route.forwardKey ?? false,
  };
}

/** Limits of a tier and a route meet on one request, so their names must differ. One fault per limit, whatever the number of tiers. */
function checkNames(
  limits: readonly ScopedLimit[],
  tierByLimit: ReadonlyMap<string, string>,
  path: readonly PropertyKey[],
  faults: Fault[],
): void {
  limits.forEach(({ limit }, i) => {
    const tier = tierByLimit.get(limit.name);
    if (tier === undefined) return;
    const message = `tier "${tier}" has a limit of the name "${limit.name}" already`;
    faults.push({ path: pointer([...path, "limits", i, "name"]), message });
  });
}

/** A cost may be more than some tiers hold, as on a route for the others, but not more than the route or every tier does. */
function checkCost(
  limits: readonly ScopedLimit[],
  costMilli: number,
  widest: Holding | null,
  path: readonly PropertyKey[],
  faults: Fault[],
): void {
  for (const { name, holds } of [smallest(limits), ...(widest ? [widest] : [])]) {
    if (costMilli <= holds) continue;
    const message = `a cost of ${toTokens(costMilli)} can never pass: the limit "${name}" holds ${toTokens(holds)}`;
    faults.push({ path: pointer([...path, "cost"]), message });
  }
}
