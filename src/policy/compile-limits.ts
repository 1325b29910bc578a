/** Compiles the limits of a tier or a route, and reports those that cannot be counted exactly. Pure: no I/O and no clock. */
import { calendarQuota } from "../core/calendar-quota.ts";
import { concurrencyLimit } from "../core/concurrency.ts";
import { capacityMilli, type Limit } from "../core/limit.ts";
import { tokenBucket } from "../core/token-bucket.ts";
import { MAX_EXACT, toMilli } from "../core/units.ts";
import type { LimitScope, ScopedLimit } from "./compiled.ts";
import { type Fault, pointer } from "./fault.ts";
import type { LimitDocument } from "./schema.ts";

/** A limit's name and capacity, in millitokens. */
export interface LimitCapacity {
  readonly name: string;
  readonly capacity: number;
}

/** The limit of a unit with the smallest capacity; infinite if there are none. */
export function smallestLimit(limits: readonly ScopedLimit[], unit: string): LimitCapacity {
  return limits.reduce<LimitCapacity>(
    (least, { limit }) => {
      const capacity = limit.unit === unit ? capacityMilli(limit) : Infinity;
      return capacity < least.capacity ? { name: limit.name, capacity } : least;
    },
    { name: "", capacity: Infinity },
  );
}

/** Which limits are in shadow: all, or those that say so; `byDefault`, those that do not say otherwise. */
export type Shadow = "all" | "named" | "byDefault";

export function compileLimits(
  documents: readonly LimitDocument[],
  scope: LimitScope,
  path: readonly PropertyKey[],
  faults: Fault[],
  shadow: Shadow = "named",
): ScopedLimit[] {
  const names = new Set<string>();
  const limits: ScopedLimit[] = [];
  documents.forEach((document, i) => {
    if (names.has(document.name)) {
      faults.push({
        path: pointer([...path, i, "name"]),
        message: `there is already a limit named "${document.name}"`,
      });
    }
    names.add(document.name);
    const limit = compileLimit(document);
    if (limit) {
      // A route's own limit always counts per route, even if its scope is "user".
      const named = document.scope ?? scope;
      limits.push({
        limit,
        document,
        scope: scope === "route" && named === "user" ? "route" : named,
        isShadow: isShadow(document, shadow),
      });
    } else {
      const message = `is too large to be counted exactly (at most 2^52 = ${MAX_EXACT} steps of its rate): use a smaller burst or period, or a rounder rate`;
      faults.push({ path: pointer([...path, i]), message });
    }
  });
  return limits;
}

/** A quota with overage never is: it says where a customer's bill stops. */
function isShadow(document: LimitDocument, shadow: Shadow): boolean {
  if (document.kind === "quota" && document.overage !== undefined) return false;
  return shadow === "all" || (document.shadow ?? shadow === "byDefault");
}

/** Compiles one limit; null if its numbers cannot be counted exactly. */
export function compileLimit(document: LimitDocument): Limit | null {
  if (document.kind === "concurrency") return concurrencyLimit(document.name, document.max, document.ttlMs);
  const { name, unit } = document;
  if (document.kind === "quota") {
    const amount = toMilli(document.amount);
    return amount === null ? null : calendarQuota(name, amount, document.per, document.anchorDay, unit);
  }
  const refill = toMilli(document.tokens);
  const capacity = toMilli(document.burst ?? document.tokens);
  return refill === null || capacity === null
    ? null
    : tokenBucket(name, refill, document.per, capacity, unit);
}
