/**
 * Loads the shields, which isolates without a binding for one never need: they are a module of their own, which `scripts/build-modules.ts`
 * builds. The import must stand in a file directly in src/, as in billing-module.ts.
 */
import type { AddressShields } from "./modules/shields.mjs";

/** The runtime loads a module once for the isolate. */
export async function loadAddressShields(): Promise<typeof AddressShields> {
  return (await import("./modules/shields.mjs")).AddressShields;
}
