/** The services of this isolate, made once and shared by all its requests. Plain objects: no promise of any request is shared. */
import { waitUntil } from "cloudflare:workers";
import { createServices, type Services } from "./edge/services.ts";
import type { Parsed } from "./policy/fault.ts";

let shared: Parsed<Services> | null = null;

/** The services of this isolate, or the faults of its configuration. */
export function isolateServices(env: Env): Parsed<Services> {
  return (shared ??= createServices(env, waitUntil));
}
