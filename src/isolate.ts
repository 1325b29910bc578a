/** What an isolate makes once and all its requests share: the services. Plain objects, no promise of any request. */
import { createServices, type Services } from "./edge/services.ts";
import type { Parsed } from "./policy/fault.ts";

let shared: Parsed<Services> | null = null;

/** The services of this isolate, or the faults of its configuration. */
export function isolateServices(env: Env): Parsed<Services> {
  return (shared ??= createServices(env));
}
