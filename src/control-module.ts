/**
 * Loads what objects do for the control plane alone, which isolates that only decide never need: it is a module of its own, which
 * `scripts/build-modules.ts` builds. The import must stand in a file directly in src/, as in billing-module.ts.
 */
import type * as Control from "./modules/control.mjs";

let loaded: typeof Control | null = null;

/** Loads the module, once for the isolate. */
export async function loadControl(): Promise<typeof Control> {
  return (loaded ??= await import("./modules/control.mjs"));
}
