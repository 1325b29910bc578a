/**
 * Loads what delivers webhooks, which only the isolate of the WebhookDesk needs: it is a module of its own, which
 * `scripts/build-modules.ts` builds. The import must stand in a file directly in src/, as in billing-module.ts.
 */
import type { webhookModule } from "./modules/webhooks.mjs";

let loaded: typeof webhookModule | null = null;

/** Loads the module, once for the isolate. */
export async function loadWebhooks(): Promise<typeof webhookModule> {
  return (loaded ??= (await import("./modules/webhooks.mjs")).webhookModule);
}
