/**
 * Loads what changes requests and responses, which isolates without a route with `request` or `response` never need: it is a module of its
 * own, which `scripts/build-modules.ts` builds. The import must stand in a file directly in src/, as in billing-module.ts.
 */
import type { transformed } from "./modules/transform.mjs";

/** The runtime loads a module once for the isolate. */
export async function loadTransform(): Promise<typeof transformed> {
  return (await import("./modules/transform.mjs")).transformed;
}
