/**
 * Loads what sends requests to pools, which isolates without a route with a pool never need: it is a module of its own, which
 * `scripts/build-modules.ts` builds. The import must stand in a file directly in src/, as in billing-module.ts.
 */
import type * as Pools from "./modules/pools.mjs";

/** The runtime loads a module once for the isolate. */
export async function loadPools(): Promise<typeof Pools> {
  return import("./modules/pools.mjs");
}
