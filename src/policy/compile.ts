/**
 * Turns a policy document into what decisions need, or says every fault that keeps it from taking effect.
 *
 * A compiled policy is immutable and belongs to one revision. Pure: no I/O and no clock.
 */
import { calendarQuota } from "../core/calendar-quota.ts";
import { concurrencyLimit } from "../core/concurrency.ts";
import { capacityMilli, type Limit } from "../core/limit.ts";
import { tokenBucket } from "../core/token-bucket.ts";
import { MAX_EXACT, toMilli, toTokens } from "../core/units.ts";
import { type Fault, MAX_FAULTS, parseBy, type Parsed, pointer } from "./fault.ts";
import { isReserved, RouteTable } from "./route-table.ts";
import { type LimitDocument, type PolicyDocument, policySchema, type RouteDocument } from "./schema.ts";

export const DEFAULT_TIMEOUT_MS = 30_000;

/** Whose requests share the limit's counter: one user's, one key's, or one user's on one route. */
export type Scope = "user" | "key" | "route";

export interface ScopedLimit {
  readonly limit: Limit;
  /** What it was compiled from, for accounts with numbers of their own. */
  readonly document: LimitDocument;
  readonly scope: Scope;
}

export interface Tier {
  readonly name: string;
  readonly limits: readonly ScopedLimit[];
  readonly mode: "strict" | "leased";
  readonly durability: "reserved" | "exact";
  readonly onLimiterFailure: "local" | "open" | "closed";
}

export interface Route {
  /** What the route is called in the ledger, metrics and logs: its match, with its methods where it names any. */
  readonly id: string;
  readonly match: string;
  readonly methods: readonly string[] | null;
  readonly costMilli: number;
  readonly limits: readonly ScopedLimit[];
  readonly requiresCredential: boolean;
  readonly upstream: string | null;
  readonly timeoutMs: number;
  readonly forwardKey: boolean;
}

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

/** A tier that every policy has besides its own. No document can spell its name, so no operator can lift it, and no account has it. */
function builtInTier(limitName: string, perMinute: number, burst: number): Tier {
  const limit: LimitDocument = { name: limitName, kind: "bucket", tokens: perMinute, per: "minute", burst };
  return {
    name: `_${limitName}`,
    limits: compileLimits([limit], "user", [], []),
    mode: "strict",
    durability: "reserved",
    onLimiterFailure: "local",
  };
}

/** What attempts to log in to the admin API are limited by: 10 at once from one address, then one every 6 seconds. */
export const LOGIN_TIER: Tier = builtInTier("login", 10, 10);

/** What one administrator can have computed (api/admin/work-limit.ts). */
export const WORK_TIERS = {
  /**
   * Policies to validate, a token per 16 KiB: one of usual size ten times a second. A mebibyte takes 0.1 s of CPU, so this is a second of
   * CPU a minute.
   */
  policy: builtInTier("policy", 600, 600),
  /** Policies to put into force, counted alike. A limit of its own: nothing else that an operator does may hold up a rollback. */
  change: builtInTier("change", 600, 600),
  /** Replays: each takes the hub about a second, in which nobody else can simulate. */
  simulate: builtInTier("simulate", 12, 12),
  /** Reports: each takes the hub 80 ms at most. A dashboard asks for one a second. */
  reports: builtInTier("reports", 600, 300),
} as const;

const BUILT_IN_TIERS: ReadonlyMap<string, Tier> = new Map(
  [LOGIN_TIER, ...Object.values(WORK_TIERS)].map((tier) => [tier.name, tier]),
);

/** The tier of that name, or the default tier where the policy does not know it. */
export function tierOf(policy: Policy, name: string): Tier {
  const tier = policy.tiers.get(name) ?? BUILT_IN_TIERS.get(name) ?? policy.tiers.get(policy.defaultTier);
  if (!tier) throw new Error("a compiled policy has its default tier");
  return tier;
}

/** The capacity of a tier's limit by name, in millitokens (slots for a concurrency limit); null where it has none. */
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

/** How much a limit holds, in millitokens. */
interface Holding {
  readonly name: string;
  readonly holds: number;
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

/** The limit that holds least, in millitokens. */
function smallest(limits: readonly ScopedLimit[]): Holding {
  return limits.reduce<Holding>(
    (least, { limit }) => {
      const holds = capacityMilli(limit);
      return holds < least.holds ? { name: limit.name, holds } : least;
    },
    { name: "", holds: Infinity },
  );
}

function compileLimits(
  documents: readonly LimitDocument[],
  scope: Scope,
  path: readonly PropertyKey[],
  faults: Fault[],
): ScopedLimit[] {
  const names = new Set<string>();
  const limits: ScopedLimit[] = [];
  documents.forEach((document, i) => {
    if (names.has(document.name)) {
      faults.push({ path: pointer([...path, i, "name"]), message: `"${document.name}" is there already` });
    }
    names.add(document.name);
    const limit = compileLimit(document);
    if (limit) {
      // A route's own limit counts per route even where it says "user": the route is what it belongs to.
      const named = document.scope ?? scope;
      limits.push({ limit, document, scope: scope === "route" && named === "user" ? "route" : named });
    } else {
      const message = `is too large to be counted exactly (at most 2^52 = ${MAX_EXACT} steps of its rate); make the burst or the period smaller, or the rate rounder`;
      faults.push({ path: pointer([...path, i]), message });
    }
  });
  return limits;
}

/** Compiles one limit; null where its numbers cannot be counted exactly. */
export function compileLimit(document: LimitDocument): Limit | null {
  if (document.kind === "quota") {
    const amount = toMilli(document.amount);
    return amount === null ? null : calendarQuota(document.name, amount, document.per, document.anchorDay);
  }
  if (document.kind === "concurrency") return concurrencyLimit(document.name, document.max, document.ttlMs);
  const refill = toMilli(document.tokens);
  const capacity = toMilli(document.burst ?? document.tokens);
  return refill === null || capacity === null
    ? null
    : tokenBucket(document.name, refill, document.per, capacity);
}
