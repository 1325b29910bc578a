/**
 * Loads what verifies tokens, which isolates without a token never need: it is a module of its own, which `scripts/build-modules.ts`
 * builds. The import must stand in a file directly in src/, as in billing-module.ts.
 */
import type { TokenIssuer } from "./modules/tokens.mjs";

/** The runtime loads a module once for the isolate. */
export async function loadTokenIssuer(): Promise<typeof TokenIssuer> {
  return (await import("./modules/tokens.mjs")).TokenIssuer;
}
