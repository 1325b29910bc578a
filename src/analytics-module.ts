/**
 * Loads what stores points and computes reports and simulations, which only the isolate of a hub needs: it is a module of its own, which
 * `scripts/build-modules.ts` builds. The import must stand in a file directly in src/, as in billing-module.ts.
 */
import type * as analytics from "./modules/analytics.mjs";

export type AnalyticsModule = typeof analytics;

let loaded: AnalyticsModule | null = null;

/** Loads the module, once for the isolate. */
export async function loadAnalytics(): Promise<AnalyticsModule> {
  return (loaded ??= await import("./modules/analytics.mjs"));
}
