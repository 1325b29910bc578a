/**
 * What the operator of bench/changes.ts does to users, over and over: the changes of each kind of user in turn, with the state that each leaves.
 * Every change is a call of the admin API that may be repeated.
 */
import type { PolicyDocument } from "../src/policy/schema.ts";
import type { Change, Limits } from "./change-bounds.ts";
import { admin } from "./setup.ts";

/** Small enough to be used up by few requests a second: a busy machine sends no more. */
export const LARGE: Limits = { capacity: 60, perMs: 0.01 };
const SMALL: Limits = { capacity: 20, perMs: 0.005 };
/** Never used up, so that it is lent all the time. */
export const AMPLE: Limits = { capacity: 100_000, perMs: 10 };
const EXTRA = 20;

/** `lent` is never changed. `waiting` is asked by thousands of requests at once. */
export type Kind = "tier" | "grant" | "reset" | "block" | "lent" | "policy" | "waiting";

/** The user's tier to begin with. */
export function tierNameOf(kind: Kind): string {
  if (kind === "lent") return "ample";
  return kind === "policy" ? "changing" : "large";
}

/** The limits of that tier. */
export function firstLimits(kind: Kind): Limits {
  if (kind === "lent") return AMPLE;
  return kind === "policy" ? changingLimits(revisions) : LARGE;
}

type Step = (url: string, user: string) => Promise<Pick<Change, "limits" | "isReset" | "isBlocked">>;
const ALLOWED = { isReset: false, isBlocked: false };
const TIERS: readonly Step[] = [
  async (url, user) => (
    await change(url, "PATCH", `/accounts/${user}`, { tier: "small" }),
    { ...ALLOWED, limits: SMALL }
  ),
  async (url, user) => (
    await change(url, "PATCH", `/accounts/${user}`, { tier: "large" }),
    { ...ALLOWED, limits: LARGE }
  ),
];

/** The changes of each kind, in turn. */
export const STEPS: Readonly<Record<Kind, readonly Step[]>> = {
  tier: TIERS,
  waiting: TIERS,
  lent: [],
  grant: [
    async (url, user) => {
      const until = new Date(Date.now() + 3_600_000).toISOString();
      const made = await change(url, "POST", `/accounts/${user}/grants`, {
        limit: "limit",
        amount: EXTRA,
        until,
      });
      grants.set(user, String(Reflect.get(made, "grantId") ?? Reflect.get(made, "id")));
      return { ...ALLOWED, limits: { ...LARGE, capacity: LARGE.capacity + EXTRA } };
    },
    async (url, user) => {
      await change(url, "DELETE", `/accounts/${user}/grants/${grants.get(user)}`);
      return { ...ALLOWED, limits: LARGE };
    },
  ],
  reset: [
    async (url, user) => {
      await change(url, "POST", `/accounts/${user}/reset`, {});
      return { limits: LARGE, isReset: true, isBlocked: false };
    },
  ],
  block: [
    async (url, user) => {
      await change(url, "PATCH", `/accounts/${user}`, { status: "blocked" });
      return { limits: LARGE, isReset: false, isBlocked: true };
    },
    async (url, user) => (
      await change(url, "PATCH", `/accounts/${user}`, { status: "active" }),
      { ...ALLOWED, limits: LARGE }
    ),
  ],
  policy: [
    async (url) => {
      revisions += 1;
      if (revisions >= MAX_REVISIONS)
        throw new Error("too many revisions to tell them apart: CHANGES_SECONDS is too long");
      await putChangedPolicy(url);
      return { ...ALLOWED, limits: changingLimits(revisions) };
    },
  ],
};

/** The last grant of each user. */
const grants = new Map<string, string>();
/** The capacities of further ones would be those of others. */
const MAX_REVISIONS = 2 * (LARGE.capacity - SMALL.capacity);
/** The revisions of the policy so far. */
let revisions = 0;

/** Each revision has a capacity of its own, by which an answer shows what it was decided by. Large and small in turn. */
function changingLimits(revision: number): Limits {
  const { capacity, perMs } = revision % 2 === 0 ? LARGE : SMALL;
  return { capacity: capacity + Math.floor(revision / 2), perMs };
}

/** The revision of a capacity of {@link changingLimits}; earlier ones have smaller numbers. */
export function revisionOf(capacity: number): number {
  const isLarge = capacity >= LARGE.capacity;
  return isLarge ? 2 * (capacity - LARGE.capacity) : 2 * (capacity - SMALL.capacity) + 1;
}

/** Puts the current revision of the policy. */
export async function putChangedPolicy(url: string): Promise<void> {
  const tierOf = ({ capacity, perMs }: Limits) => ({
    limits: [
      {
        name: "limit",
        kind: "bucket" as const,
        tokens: perMs * 1_000,
        per: "second" as const,
        burst: capacity,
      },
    ],
  });
  const document: PolicyDocument = {
    schema: 1,
    anonymousTier: "small",
    defaultTier: "small",
    tiers: {
      large: tierOf(LARGE),
      small: tierOf(SMALL),
      ample: tierOf(AMPLE),
      changing: tierOf(changingLimits(revisions)),
    },
    routes: [{ match: "/*", cost: 1 }],
  };
  await admin(url, "PUT", "/policy", { document }, { "If-Match": "*" });
}

/** A call that, sent again, changes nothing more. */
function change(url: string, method: string, path: string, body?: unknown): Promise<object> {
  return admin(url, method, path, body, { "Idempotency-Key": crypto.randomUUID() });
}
