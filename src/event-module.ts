/**
 * Loads what queues events for webhooks, which isolates under a policy without events never need: it is a module of its own, which
 * `scripts/build-modules.ts` builds. The import must stand in a file directly in src/, as in billing-module.ts.
 */
import type { eventModule } from "./modules/events.mjs";

export type EventModule = typeof eventModule;

let loaded: EventModule | null = null;

/** The module if this isolate has loaded it. */
export function loadedEvents(): EventModule | null {
  return loaded;
}

/** Loads the module, once for the isolate. */
export async function loadEvents(): Promise<EventModule> {
  return (loaded ??= (await import("./modules/events.mjs")).eventModule);
}
