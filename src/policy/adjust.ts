/**
 * An account's effective limits: its tier's, with the account's own numbers (overrides) and temporary grants.
 *
 * A counter is identified by its limit's name, so an adjustment keeps what was used: a larger limit admits a denied user at once, a
 * smaller one never goes below zero. Pure: no I/O and no clock.
 */
import { MAX_SLOTS } from "../core/concurrency.ts";
import type { ScopedLimit, Tier } from "./compiled.ts";
import { compileLimit } from "./compile-limits.ts";
import { type Fault, knownNames, pointer } from "./fault.ts";
import type { LimitDocument } from "./schema.ts";

/** Numbers that replace those of one of the tier's limits. Fields and units as in the policy. */
export interface Override {
  readonly tokens?: number | undefined;
  readonly per?: "second" | "minute" | "hour" | "day" | "month" | undefined;
  readonly burst?: number | undefined;
  readonly amount?: number | undefined;
  readonly max?: number | undefined;
}
export type Overrides = Readonly<Record<string, Override>>;

/** Extra capacity until a point in time: burst of a bucket, amount of a quota, slots of a concurrency limit. */
export interface Grant {
  readonly grantId: string;
  /** Name of the limit. */
  readonly limit: string;
  readonly amount: number;
  readonly untilMs: number;
  readonly createdMs: number;
}

/** Which override fields each kind of limit has. */
const FIELDS: Record<LimitDocument["kind"], readonly (keyof Override)[]> = {
  bucket: ["tokens", "per", "burst"],
  quota: ["amount", "per"],
  concurrency: ["max"],
};

/** The periods that each kind may have: months are for quotas, periods shorter than an hour for buckets. */
const PERIODS: Record<LimitDocument["kind"], readonly Override["per"][]> = {
  bucket: ["second", "minute", "hour", "day"],
  quota: ["hour", "day", "month"],
  concurrency: [],
};

/**
 * The tier as it applies to one account. If the policy has changed and an adjustment no longer fits, all grants of that limit are
 * ignored, then its override, so an account never loses the tier's own limit. `grants` must be those in force.
 */
export function adjustTier(tier: Tier, overrides: Overrides, grants: readonly Grant[]): Tier {
  const limits = tier.limits.map((scoped): ScopedLimit => {
    const { name } = scoped.document;
    const override = Object.hasOwn(overrides, name) ? overrides[name] : undefined;
    const granted = grants.reduce((sum, grant) => (grant.limit === name ? sum + grant.amount : sum), 0);
    if (!override && granted === 0) return scoped;
    const fits = override && faultsOf(tier, name, override).length === 0;
    const own = fits ? withOverride(scoped.document, override) : scoped.document;
    for (const document of granted > 0 ? [withGrant(own, granted), own] : [own]) {
      const limit = compileLimit(document);
      if (limit) return { ...scoped, limit, document };
    }
    return scoped;
  });
  return { ...tier, limits };
}

/** The faults of overrides for a tier: unknown limits, fields of another kind, numbers that cannot be counted exactly. */
export function overrideFaults(tier: Tier, overrides: Overrides): Fault[] {
  return Object.entries(overrides).flatMap(([name, override]) => faultsOf(tier, name, override));
}

function faultsOf(tier: Tier, name: string, override: Override): Fault[] {
  const scoped = tier.limits.find(({ document }) => document.name === name);
  if (!scoped)
    return [
      {
        path: pointer(["limits", name]),
        message: `tier "${tier.name}" has no limit "${name}" ${knownLimits(tier)}`,
      },
    ];
  const { document } = scoped;
  const foreign = Object.keys(override).filter(
    (field) => !FIELDS[document.kind].some((own) => own === field),
  );
  if (foreign.length > 0) {
    return foreign.map((field) => ({
      path: pointer(["limits", name, field]),
      message: `is not a field of a ${document.kind} (its fields: ${FIELDS[document.kind].join(", ")})`,
    }));
  }
  if (override.per !== undefined && !PERIODS[document.kind].includes(override.per)) {
    const message = `is not a period of a ${document.kind} (known: ${PERIODS[document.kind].join(", ")})`;
    return [{ path: pointer(["limits", name, "per"]), message }];
  }
  if (override.per !== undefined && override.per !== "month" && isBilled(document)) {
    const message = "must be month: the limit has overage, which is billed for a month";
    return [{ path: pointer(["limits", name, "per"]), message }];
  }
  if (compileLimit(withOverride(document, override))) return [];
  const message =
    document.kind === "concurrency"
      ? `must be a whole number of slots, ${MAX_SLOTS} at most`
      : "makes a limit that cannot be counted exactly: use a smaller burst, or a rounder rate";
  return [{ path: pointer(["limits", name]), message }];
}

/** Whether usage beyond the limit may be billed. */
function isBilled(document: LimitDocument): boolean {
  return document.kind === "quota" && document.overage !== undefined;
}

/** For a message about an unknown limit. */
function knownLimits({ limits }: Tier): string {
  return knownNames(limits.map(({ limit }) => limit.name));
}

/** An override's fields with every number replaced by 1: equal for all accounts whose overrides fit the same limits. */
export function shapeOf(override: Override): Override {
  const { tokens, per, burst, amount, max } = override;
  return {
    ...(tokens === undefined ? {} : { tokens: 1 }),
    ...(per === undefined ? {} : { per }),
    ...(burst === undefined ? {} : { burst: 1 }),
    ...(amount === undefined ? {} : { amount: 1 }),
    ...(max === undefined ? {} : { max: 1 }),
  };
}

/** Which of an account's overrides and grants have an effect in a tier, by the names of their limits. */
export interface Effects {
  /** Overrides that change a number of the tier, and grants that add to a limit of it. */
  readonly kept: { readonly limits: readonly string[]; readonly grants: readonly string[] };
  /** Without effect, because the tier lacks their limit or they do not fit it. */
  readonly orphaned: { readonly limits: readonly string[]; readonly grants: readonly string[] };
}

/** `grants` must be those in force. An override that equals the tier's own numbers is neither kept nor orphaned. */
export function effectsOn(tier: Tier, overrides: Overrides, grants: readonly Grant[]): Effects {
  const own = adjustTier(tier, overrides, []);
  const granted = adjustTier(tier, overrides, grants);
  const isChanged = (name: string): boolean => documentOf(own, name) !== documentOf(tier, name);
  const isRaised = (name: string): boolean => documentOf(granted, name) !== documentOf(own, name);
  const limits = Object.entries(overrides);
  const names = [...new Set(grants.map(({ limit }) => limit))];
  return {
    kept: { limits: limits.map(([name]) => name).filter(isChanged), grants: names.filter(isRaised) },
    orphaned: {
      limits: limits.flatMap(([name, override]) => (faultsOf(tier, name, override).length > 0 ? name : [])),
      grants: names.filter((name) => !isRaised(name)),
    },
  };
}

/** A limit's numbers in a comparable form; undefined if the tier has no such limit. */
function documentOf(tier: Tier, name: string): string | undefined {
  const scoped = tier.limits.find(({ document }) => document.name === name);
  return scoped && JSON.stringify(scoped.document);
}

function withOverride(document: LimitDocument, override: Override): LimitDocument {
  const { tokens, per, burst, amount, max } = override;
  switch (document.kind) {
    case "bucket": {
      const bucketPer = per === "month" || per === undefined ? document.per : per;
      const ownBurst = burst ?? document.burst;
      return {
        ...document,
        tokens: tokens ?? document.tokens,
        per: bucketPer,
        ...(ownBurst === undefined ? {} : { burst: ownBurst }),
      };
    }
    case "quota": {
      const quotaPer = per === "hour" || per === "day" || per === "month" ? per : document.per;
      return { ...document, amount: amount ?? document.amount, per: quotaPer };
    }
    case "concurrency":
      return { ...document, max: max ?? document.max };
  }
}

function withGrant(document: LimitDocument, amount: number): LimitDocument {
  switch (document.kind) {
    case "bucket":
      return { ...document, burst: (document.burst ?? document.tokens) + amount };
    case "quota":
      return { ...document, amount: document.amount + amount };
    case "concurrency":
      return { ...document, max: document.max + Math.floor(amount) };
  }
}
