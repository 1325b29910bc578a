/**
 * Loads what matches rules, which isolates with a policy without rules never need: it is a module of its own, which
 * `scripts/build-modules.ts` builds. The import must stand in a file directly in src/, as in billing-module.ts.
 */
import type { RuleIndex } from "./modules/rules.mjs";

/** The runtime loads a module once for the isolate. */
export async function loadRuleIndex(): Promise<typeof RuleIndex> {
  return (await import("./modules/rules.mjs")).RuleIndex;
}
