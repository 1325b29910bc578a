/**
 * Loads the edge response cache, which isolates without a cached route never need: it is a module of its own, which
 * `scripts/build-modules.ts` builds. The import must stand in a file directly in src/, as in billing-module.ts.
 */
import type * as Cache from "./modules/cache.mjs";

/** The runtime loads a module once for the isolate. */
export async function loadCache(): Promise<typeof Cache> {
  return import("./modules/cache.mjs");
}
