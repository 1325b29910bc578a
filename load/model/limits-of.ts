/**
 * Reads the limits of a policy's tiers for the model of an exact user. Throws on unknown kinds of limits, so that none is
 * overlooked. Pure.
 */
import type { Bucket, UserLimits } from "./exact-user.ts";

const PERIOD_MS: Readonly<Record<string, number>> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/** The longest from the first request of a lease to its settlement: `LEASE_MS` of src/core/lease.ts, and the call that settles it. */
export const LEASE_MS = 1_100;

type Json = Readonly<Record<string, unknown>>;

/** @throws if the tier does not exist or has limits that the model cannot bound. */
export function limitsOf(document: unknown, tier: string): UserLimits {
  const found = objectAt(objectAt(document, "tiers"), tier);
  const limits = found["limits"];
  if (!Array.isArray(limits)) throw new Error(`tier ${tier}: no limits`);
  const buckets: Bucket[] = [];
  let quota = Infinity;
  for (const limit of limits) {
    if (!isObject(limit)) throw new Error(`tier ${tier}: a limit is not an object`);
    if (limit["kind"] === "bucket") buckets.push(bucketOf(limit));
    else if (limit["kind"] === "quota") quota = Math.min(quota, numberAt(limit, "amount"));
    else throw new Error(`tier ${tier}: load tests support buckets and quotas, not ${String(limit["kind"])}`);
  }
  return { buckets, quota, leaseMs: found["mode"] === "strict" ? 0 : LEASE_MS };
}

/** The cost of a request to this path. @throws if no route has exactly this path, or if the route has limits of its own. */
export function costOf(document: unknown, path: string): number {
  const routes = isObject(document) ? document["routes"] : undefined;
  const route = Array.isArray(routes)
    ? routes.filter(isObject).find(({ match }) => match === path)
    : undefined;
  if (!route) throw new Error(`the policy has no route ${path}: set LOAD_PATH to one of its routes`);
  if (Array.isArray(route["limits"]) && route["limits"].length > 0) {
    throw new Error(`the route ${path} has limits of its own: set LOAD_PATH to another route`);
  }
  return route["cost"] === undefined ? 1 : numberAt(route, "cost");
}

function bucketOf(limit: Json): Bucket {
  const perMs = PERIOD_MS[String(limit["per"])];
  if (perMs === undefined) throw new Error(`load tests do not support buckets per ${String(limit["per"])}`);
  const tokens = numberAt(limit, "tokens");
  return {
    capacity: limit["burst"] === undefined ? tokens : numberAt(limit, "burst"),
    perMs: tokens / perMs,
  };
}

function objectAt(value: unknown, name: string): Json {
  const found = isObject(value) ? value[name] : undefined;
  if (!isObject(found)) throw new Error(`the policy has no "${name}"`);
  return found;
}

function numberAt(value: Json, name: string): number {
  const found = value[name];
  if (typeof found !== "number") throw new Error(`the policy's "${name}" is not a number`);
  return found;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
