/**
 * Loads what stores points and computes reports and simulations, which only the isolate of a hub needs: it is a module of its own, which
 * `scripts/build-modules.ts` builds. The import must stand in a file directly in src/, as in billing-module.ts.
 */
import type * as analytics from "./modules/analytics.mjs";

export type AnalyticsModule = typeof analytics;

/** The runtime loads a module once for the isolate. */
export function loadAnalytics(): Promise<AnalyticsModule> {
  return import("./modules/analytics.mjs");
}
