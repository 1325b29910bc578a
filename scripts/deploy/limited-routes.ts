/** Which routes of the policy refuse an anonymous caller soonest: those that a 429 costs the fewest requests to see. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parsed } from "../doctor/fields.ts";

export interface LimitedRoute {
  /** A path that the route matches. */
  readonly path: string;
  /** Requests that pass at once, from full. */
  readonly passes: number;
}

/** Stands where a pattern has a parameter or a star; the upstream sees it. */
const SAMPLE = "edge-limiter-check";

/** GET routes without a credential, the soonest refused first. Empty where policy/default.json is no policy. */
export async function limitedRoutes(root: string): Promise<LimitedRoute[]> {
  // Loaded late: the doctor's checks come first and say where packages are missing.
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
      const limits = [...tier.limits, ...route.limits].filter(({ scope }) => scope !== "key");
      const least = Math.min(...limits.map(({ limit }) => capacityMilli(limit)));
      return { path: samplePath(route.match), passes: Math.floor(least / route.costMilli) };
    })
    .filter(({ passes }) => Number.isFinite(passes))
    .toSorted((a, b) => a.passes - b.passes);
}

function samplePath(match: string): string {
  return match.replaceAll(/:[^/]+/g, SAMPLE).replace(/\*$/, SAMPLE);
}
