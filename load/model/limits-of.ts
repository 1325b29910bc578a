/**
 * The limits of a policy's tiers, as the model of an exact user takes them. Reads the document as the admin API gives it and
 * refuses what it does not know, so that no limit is overlooked. Pure.
 */
import type { Bucket, UserLimits } from "./exact-user.ts";

const PERIOD_MS: Readonly<Record<string, number>> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/** How long an isolate may spend a lease: `LEASE_MS` of src/core/lease.ts; with it the bound of docs/consistency.md. */
export const LEASE_MS = 1_000;

type Json = Readonly<Record<string, unknown>>;

/** @throws where the tier is not there, or has limits that a load test cannot bound. */
export function limitsOf(document: unknown, tier: string): UserLimits {
  const found = objectAt(objectAt(document, "tiers"), tier);
  const limits = found["limits"];
  if (!Array.isArray(limits)) throw new Error(`tier ${tier}: no limits`);
  const buckets: Bucket[] = [];
  let quota = Infinity;
  for (const limit of limits) {
    if (!isObject(limit)) throw new Error(`tier ${tier}: a limit that is no object`);
    if (limit["kind"] === "bucket") buckets.push(bucketOf(limit));
    else if (limit["kind"] === "quota") quota = Math.min(quota, numberAt(limit, "amount"));
    else throw new Error(`tier ${tier}: load tests know buckets and quotas, not ${String(limit["kind"])}`);
  }
  return { buckets, quota, leaseMs: found["mode"] === "leased" ? LEASE_MS : 0 };
}

/** What a request of this path costs: by the route of just that path. @throws where there is none. */
export function costOf(document: unknown, path: string): number {
  const routes = isObject(document) ? document["routes"] : undefined;
  const route = Array.isArray(routes)
    ? routes.filter(isObject).find(({ match }) => match === path)
    : undefined;
  if (!route) throw new Error(`the policy has no route ${path}: name one with LOAD_PATH`);
  if (Array.isArray(route["limits"]) && route["limits"].length > 0) {
    throw new Error(`the route ${path} has limits of its own: name another with LOAD_PATH`);
  }
  return route["cost"] === undefined ? 1 : numberAt(route, "cost");
}

function bucketOf(limit: Json): Bucket {
  const perMs = PERIOD_MS[String(limit["per"])];
  if (perMs === undefined) throw new Error(`a bucket per ${String(limit["per"])}`);
  const tokens = numberAt(limit, "tokens");
  return {
    capacity: limit["burst"] === undefined ? tokens : numberAt(limit, "burst"),
    perMs: tokens / perMs,
  };
}

function objectAt(value: unknown, name: string): Json {
  const found = isObject(value) ? value[name] : undefined;
  if (!isObject(found)) throw new Error(`the policy has no ${name}`);
  return found;
}

function numberAt(value: Json, name: string): number {
  const found = value[name];
  if (typeof found !== "number") throw new Error(`${name} is not a number`);
  return found;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
