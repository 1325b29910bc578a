/**
 * The policies of the simulated worlds, and the same limits as the judge knows them. Every rate is a whole number of millitokens
 * in a millisecond, so that the judge needs no fractions.
 */
import type { LimitDocument, PolicyDocument } from "../../src/policy/schema.ts";

export const HOUR_MS = 3_600_000;

export const TIERS = ["tight", "exact", "wide", "keyed", "leased", "free"] as const;
export type TierName = (typeof TIERS)[number];
export const STRICT: readonly TierName[] = ["tight", "exact", "wide", "keyed"];
export const LEASED: readonly TierName[] = ["leased", "free"];

export const ROUTES = ["/one", "/two", "/own"] as const;
export type RouteName = (typeof ROUTES)[number];
export const COST_MILLI: Record<RouteName, number> = { "/one": 1_000, "/two": 2_000, "/own": 1_000 };

/** A limit by its numbers: a bucket that refills evenly, or so much in each hour. */
export interface Rule {
  readonly name: string;
  readonly kind: "bucket" | "quota";
  /** 0 for a quota. */
  readonly milliPerMs: number;
  readonly capacityMilli: number;
  readonly byKey: boolean;
}

function bucket(name: string, perSecond: number, burst: number, byKey = false): Rule {
  return { name, kind: "bucket", milliPerMs: perSecond, capacityMilli: burst * 1_000, byKey };
}

function hourly(amount: number): Rule {
  return { name: "hour", kind: "quota", milliPerMs: 0, capacityMilli: amount * 1_000, byKey: false };
}

interface Variant {
  readonly tiers: Record<TierName, readonly Rule[]>;
  /** Of the route /own. */
  readonly own: Rule;
}

/** The policy as it begins, one that takes away, one that gives. */
export const VARIANTS: readonly Variant[] = [variant(1, 1), variant(2, 0.5), variant(1, 2)];

function variant(speed: number, size: number): Variant {
  return {
    tiers: {
      tight: [bucket("minute", 5 * speed, 8 * size), hourly(60 * size)],
      exact: [bucket("minute", 3 * speed, 6 * size)],
      wide: [bucket("minute", 20 * speed, 300 * size)],
      keyed: [bucket("minute", 10 * speed, 20 * size), bucket("each", 2 * speed, 4 * size, true)],
      leased: [bucket("minute", 6 * speed, 60 * size), hourly(150 * size)],
      free: [],
    },
    own: bucket("own", speed, 4 * size),
  };
}

function documentOf({ name, kind, milliPerMs, capacityMilli, byKey }: Rule): LimitDocument {
  const amount = capacityMilli / 1_000;
  if (kind === "quota") return { name, kind, amount, per: "hour" };
  const scope = byKey ? ({ scope: "key" } as const) : {};
  return { name, kind, tokens: milliPerMs * 60, per: "minute", burst: amount, ...scope };
}

/** The document of a variant. */
export function policyDocument({ tiers, own }: Variant): PolicyDocument {
  const limitsOf = (name: TierName): LimitDocument[] => tiers[name].map(documentOf);
  return {
    schema: 1,
    anonymousTier: "tight",
    defaultTier: "tight",
    tiers: {
      tight: { limits: limitsOf("tight") },
      exact: { limits: limitsOf("exact"), durability: "exact" },
      wide: { limits: limitsOf("wide") },
      keyed: { limits: limitsOf("keyed") },
      leased: { limits: limitsOf("leased"), mode: "leased" },
      free: { limits: limitsOf("free"), mode: "leased" },
    },
    routes: [{ match: "/one" }, { match: "/two", cost: 2 }, { match: "/own", limits: [documentOf(own)] }],
  };
}
