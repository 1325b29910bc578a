/**
 * The policies of the simulated worlds, and the same limits in the judge's form. Every rate is a whole number of millitokens
 * per millisecond, so that the judge needs no fractions.
 */
import type { LimitDocument, PolicyDocument } from "../../src/policy/schema.ts";
import { HOUR_MS } from "../../src/core/time.ts";

export const TIERS = [
  "tight",
  "exact",
  "wide",
  "keyed",
  "hourly",
  "monthly",
  "anchored",
  "renamed",
  "swapped",
  "apart",
  "leased",
  "lent",
  "allotted",
  "ample",
  "paired",
  "other",
  "free",
] as const;
export type TierName = (typeof TIERS)[number];
export const STRICT: readonly TierName[] = ["tight", "exact", "wide", "keyed"];
/** Tiers that define a limit of one name differently ("hour" is a quota per hour, per month, or a bucket), or rename it. */
export const REDEFINED: readonly TierName[] = [
  "hourly",
  "monthly",
  "anchored",
  "renamed",
  "swapped",
  "apart",
];
/** Tiers that lend, with the same counters, others, or none. */
export const LENDING: readonly TierName[] = [
  "leased",
  "lent",
  "allotted",
  "ample",
  "paired",
  "other",
  "free",
];

export const ROUTES = ["/one", "/two", "/own", "/slots"] as const;
export type RouteName = (typeof ROUTES)[number];
export const COST_MILLI: Record<RouteName, number> = {
  "/one": 1_000,
  "/two": 2_000,
  "/own": 1_000,
  "/slots": 1_000,
};

/** The limit of the route /slots: requests in progress. */
export const SLOTS = { name: "slots", kind: "concurrency", max: 2, ttlMs: 3_000 } as const;

export type Per = "hour" | "day" | "month" | "month from the 15th";

/** A limit by its numbers: a bucket that refills evenly, or an amount per calendar period. */
export interface Rule {
  readonly name: string;
  readonly kind: "bucket" | "quota";
  /** Of a quota. */
  readonly per: Per;
  /** 0 for a quota. */
  readonly milliPerMs: number;
  readonly capacityMilli: number;
  readonly byKey: boolean;
}

function bucket(name: string, perSecond: number, burst: number, byKey = false): Rule {
  return { name, kind: "bucket", per: "hour", milliPerMs: perSecond, capacityMilli: burst * 1_000, byKey };
}

function quota(amount: number, per: Per = "hour", name = "hour", byKey = false): Rule {
  return { name, kind: "quota", per, milliPerMs: 0, capacityMilli: amount * 1_000, byKey };
}

interface Variant {
  readonly tiers: Record<TierName, readonly Rule[]>;
  /** Of the route /own. */
  readonly own: Rule;
}

/** Cached by the hour, which lies in one period as a whole: a history asks a thousand times for a few hours. */
const periodStarts: Record<Per, Map<number, number>> = {
  hour: new Map(),
  day: new Map(),
  month: new Map(),
  "month from the 15th": new Map(),
};

/** When the period that contains `atMs` began. */
export function periodStartMs(per: Per, atMs: number): number {
  const hourMs = atMs - (atMs % HOUR_MS);
  const known = periodStarts[per].get(hourMs);
  if (known !== undefined) return known;
  const startMs = computedStartMs(per, hourMs);
  periodStarts[per].set(hourMs, startMs);
  return startMs;
}

function computedStartMs(per: Per, hourMs: number): number {
  const date = new Date(hourMs);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  switch (per) {
    case "hour":
      return hourMs;
    case "day":
      return Date.UTC(year, month, day);
    case "month":
      return Date.UTC(year, month, 1);
    case "month from the 15th":
      return Date.UTC(year, day < 15 ? month - 1 : month, 15);
  }
}

/** When the period that contains `atMs` ends. */
export function periodEndMs(per: Per, atMs: number): number {
  const startMs = periodStartMs(per, atMs);
  const date = new Date(startMs);
  switch (per) {
    case "hour":
      return startMs + HOUR_MS;
    case "day":
      return startMs + 24 * HOUR_MS;
    case "month":
    case "month from the 15th":
      return date.setUTCMonth(date.getUTCMonth() + 1);
  }
}

/** The initial policy, a stricter one, and a more generous one. */
export const VARIANTS: readonly Variant[] = [variant(1, 1), variant(2, 0.5), variant(1, 2)];

function variant(speed: number, size: number): Variant {
  return {
    tiers: {
      tight: [bucket("minute", 5 * speed, 8 * size), quota(60 * size)],
      exact: [bucket("minute", 3 * speed, 6 * size)],
      wide: [bucket("minute", 20 * speed, 300 * size)],
      keyed: [bucket("minute", 10 * speed, 20 * size), bucket("each", 2 * speed, 4 * size, true)],
      hourly: [quota(12 * size)],
      monthly: [bucket("minute", 5 * speed, 30 * size), quota(20 * size, "month")],
      anchored: [quota(16 * size, "month from the 15th")],
      renamed: [quota(14 * size, "day", "day")],
      swapped: [bucket("hour", 2 * speed, 6 * size)],
      apart: [quota(10 * size, "day", "each", true), bucket("minute", 5 * speed, 30 * size)],
      leased: [bucket("minute", 6 * speed, 60 * size), quota(600 * size)],
      lent: [quota(80 * size, "month")],
      allotted: [quota(500 * size, "month")],
      ample: [bucket("minute", 20 * speed, 300 * size)],
      paired: [bucket("minute", 12 * speed, 200 * size), bucket("each", 4 * speed, 60 * size, true)],
      other: [bucket("other", 4 * speed, 60 * size)],
      free: [],
    },
    own: bucket("own", speed, 4 * size),
  };
}

function documentOf({ name, kind, per, milliPerMs, capacityMilli, byKey }: Rule): LimitDocument {
  const amount = capacityMilli / 1_000;
  const scope = byKey ? ({ scope: "key" } as const) : {};
  if (kind === "quota") {
    const calendar = per === "month from the 15th" ? ({ per: "month", anchorDay: 15 } as const) : { per };
    return { name, kind, amount, ...calendar, ...scope };
  }
  return { name, kind, tokens: milliPerMs * 60, per: "minute", burst: amount, ...scope };
}

export function isLeased(tier: TierName): boolean {
  return LENDING.includes(tier);
}

/** The number of the policy that bills, after those of {@link VARIANTS}. */
export const BILLED = VARIANTS.length;
/** Of the tiers `tight` (strict) and `leased` under it: tokens included per month, a price per token, and a cap on what is over. */
export const INCLUDED = 1_000_000;
export const UNIT_PRICE = "0.01";
export const SPEND_CAP = "3";

/** The first variant, with billing for two of its tiers. */
export function billedDocument(): PolicyDocument {
  const document = policyDocument(variant(1, 1));
  const quotaTier = (mode: "strict" | "auto"): PolicyDocument["tiers"][string] => ({
    limits: [
      documentOf(bucket("minute", 1_000, 1_000)),
      {
        name: "month",
        kind: "quota",
        amount: INCLUDED,
        per: "month",
        overage: { mode: "payg", spendCap: SPEND_CAP, price: { model: "unit", unit: UNIT_PRICE } },
      },
    ],
    mode,
  });
  const tiers = { ...document.tiers, tight: quotaTier("strict"), leased: quotaTier("auto") };
  return { ...document, tiers, billing: { currency: "USD" } };
}

/** Tiers that also have limits in shadow: these deny nothing, so the judge does not know them. */
const TRIED: ReadonlySet<TierName> = new Set(["wide", "keyed", "lent"]);
const SHADOW: readonly LimitDocument[] = [
  { ...documentOf(bucket("trial", 6, 60)), shadow: true },
  { ...documentOf(quota(120, "hour", "trial-hour")), shadow: true },
];

/** The document of a variant. */
export function policyDocument({ tiers, own }: Variant): PolicyDocument {
  const limitsOf = (name: TierName): LimitDocument[] => [
    ...tiers[name].map(documentOf),
    ...(TRIED.has(name) ? SHADOW : []),
  ];
  return {
    schema: 1,
    anonymousTier: "tight",
    defaultTier: "tight",
    tiers: Object.fromEntries(
      TIERS.map((name) => [
        name,
        {
          limits: limitsOf(name),
          mode: isLeased(name) ? "leased" : "strict",
          durability: name === "exact" ? "exact" : "reserved",
        },
      ]),
    ),
    routes: [
      { match: "/one" },
      { match: "/two", cost: 2 },
      { match: "/own", limits: [documentOf(own)] },
      { match: "/slots", limits: [SLOTS] },
    ],
  };
}
