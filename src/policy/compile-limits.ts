/** Compiles the limits of a tier or a route, and reports those that cannot be counted exactly. Pure: no I/O and no clock. */
import { calendarQuota } from "../core/calendar-quota.ts";
import { concurrencyLimit } from "../core/concurrency.ts";
import { capacityMilli, type Limit } from "../core/limit.ts";
import { tokenBucket } from "../core/token-bucket.ts";
import { MAX_EXACT, toMilli } from "../core/units.ts";
import type { Scope, ScopedLimit } from "./compiled.ts";
import { type Fault, pointer } from "./fault.ts";
import type { LimitDocument } from "./schema.ts";

/** How much a limit holds, in millitokens. */
export interface Holding {
  readonly name: string;
  readonly holds: number;
}

/** The limit that holds least, in millitokens. */
export function smallest(limits: readonly ScopedLimit[]): Holding {
  return limits.reduce<Holding>(
    (least, { limit }) => {
      const holds = capacityMilli(limit);
      return holds < least.holds ? { name: limit.name, holds } : least;
    },
    { name: "", holds: Infinity },
  );
}

export function compileLimits(
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
