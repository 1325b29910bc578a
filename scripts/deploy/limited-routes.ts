/** Finds the routes of the policy on which an anonymous caller reaches a 429 with the fewest requests. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parsed } from "../doctor/fields.ts";

export interface LimitedRoute {
  /** A path that the route matches. */
  readonly path: string;
  /** How many requests a full bucket allows at once. */
  readonly allowed: number;
}

/** Replaces a parameter or a star in a pattern. The upstream sees it. */
const SAMPLE = "edge-limiter-check";

/** GET routes that need no credential, the fewest requests first. Empty if policy/default.json does not compile. */
export async function limitedRoutes(root: string): Promise<LimitedRoute[]> {
  // Imported late: the doctor's checks run first and report missing packages.
  const [{ compilePolicy, tierOf }, { capacityMilli }] = await Promise.all([
    import("../../src/policy/compile.ts"),
    import("../../src/core/limit.ts"),
  ]);
  const text = await readFile(join(root, "policy", "default.json"), "utf8").catch(() => "");
  const compiled = compilePolicy(parsed(text), 0);
  if (!compiled.ok) return [];
  const policy = compiled.value;
  const tier = tierOf(policy, policy.anonymousTier);
  return policy.routes.all
    .filter((route) => !route.requiresCredential && route.costMilli > 0)
    .filter(({ methods }) => methods === null || methods.includes("GET"))
    .map((route) => {
      const limits = [...tier.limits, ...route.limits].filter(
        ({ scope, isShadow }) => scope !== "key" && !isShadow,
      );
      const capacity = Math.min(...limits.map(({ limit }) => capacityMilli(limit)));
      return { path: samplePath(route.match), allowed: Math.floor(capacity / route.costMilli) };
    })
    .filter(({ allowed }) => Number.isFinite(allowed))
    .toSorted((a, b) => a.allowed - b.allowed);
}

function samplePath(match: string): string {
  return match.replaceAll(/:[^/]+/g, SAMPLE).replace(/\*$/, SAMPLE);
}
