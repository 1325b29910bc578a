/**
 * Loads what reads the usage that responses report, which isolates without a route with `usage` never need: it is a module of its own,
 * which `scripts/build-modules.ts` builds. The import must stand in a file directly in src/, as in billing-module.ts.
 */
import type * as Usage from "./modules/usage.mjs";

/** The runtime loads a module once for the isolate. */
export async function loadUsage(): Promise<typeof Usage> {
  return import("./modules/usage.mjs");
}
