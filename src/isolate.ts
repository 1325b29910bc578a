/** The services of this isolate, made once and shared by all its requests. Plain objects: no promise of any request is shared. */
import { waitUntil } from "cloudflare:workers";
import type { App } from "./api/caller-app.ts";
import { createServices, type Services } from "./edge/services.ts";
import { placed } from "./objects/jurisdiction.ts";
import type { Parsed } from "./policy/fault.ts";

let shared: Parsed<Services> | null = null;

/** The services of this isolate, or the faults of its configuration. */
export function isolateServices(env: Env): Parsed<Services> {
  return (shared ??= createServices(env, waitUntil));
}

/** Loads the customers' portal, as {@link loadAdmin} does the admin API. */
export async function loadPortal(services: Services): Promise<App> {
  return (await import("./modules/portal.mjs")).portalApp(services);
}

/**
 * Loads the admin API, which few isolates need: it is a module of its own, which `scripts/build-modules.ts` builds. The import must stand
 * in a file directly in src/, since its specifier is left as it is when the Worker is bundled.
 */
export async function loadAdmin(services: Services, env: Env): Promise<App> {
  const { adminApp } = await import("./modules/admin.mjs");
  return adminApp(services, placed(env), waitUntil);
}
