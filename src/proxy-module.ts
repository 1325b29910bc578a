/**
 * Loads the endpoints that proxies call, which few isolates need: a module of its own, which `scripts/build-modules.ts` builds. The import
 * must stand in a file directly in src/, as in billing-module.ts.
 */
import type { App } from "./api/caller-app.ts";
import type { Services } from "./edge/services.ts";
import type { gateway } from "./gateway/gateway.ts";

/** @param pipeline the isolate's own gateway, whose state the module must not copy. */
export async function loadProxies(services: Services, pipeline: typeof gateway): Promise<App> {
  return (await import("./modules/proxies.mjs")).proxyApp(services, pipeline);
}
