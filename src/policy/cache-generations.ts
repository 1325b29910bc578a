/**
 * The generations of cached responses: a purge raises them, and a response that was stored in an earlier generation is never served again.
 *
 * They travel with the pointer to the policy in force, and are numbered by the registry. They never go back: older values that arrive
 * later change nothing. Pure.
 */
import * as z from "zod/mini";

/** As many as a policy may have routes. If more have been purged, all are: a purge is never forgotten. */
export const MAX_PURGED_ROUTES = 500;

const generation = z.int().check(z.gte(0), z.lte(2 ** 48));

const schema = z.object({ all: generation, routes: z.record(z.string(), generation) });

/** The newest purges. Each has a number of its own, from 1. */
export interface CacheGenerations {
  /** The last purge of all routes; 0: none yet. */
  readonly all: number;
  /** The last purge of each route, by its id, if that is later than `all`. */
  readonly routes: Readonly<Record<string, number>>;
}

export const NOTHING_PURGED: CacheGenerations = { all: 0, routes: {} };

/** Null: there are none, or this Worker cannot read them. */
export function readGenerations(input: unknown): CacheGenerations | null {
  const parsed = schema.safeParse(input);
  return parsed.success ? parsed.data : null;
}

/** The generation in which responses of a route are stored now. */
export function generationOf({ all, routes }: CacheGenerations, routeId: string): number {
  return Object.hasOwn(routes, routeId) ? Math.max(all, routes[routeId] ?? 0) : all;
}

/** The number of the last purge. */
export function newestGeneration({ all, routes }: CacheGenerations): number {
  return Math.max(all, ...Object.values(routes));
}

/** Both: of each route, the later. */
export function laterGenerations(one: CacheGenerations, other: CacheGenerations): CacheGenerations {
  const all = Math.max(one.all, other.all);
  const routes: Record<string, number> = {};
  for (const [id, number] of [...Object.entries(one.routes), ...Object.entries(other.routes)]) {
    if (number > all) routes[id] = Math.max(number, generationOf({ all, routes }, id));
  }
  const merged = { all, routes };
  return Object.keys(routes).length > MAX_PURGED_ROUTES
    ? { all: newestGeneration(merged), routes: {} }
    : merged;
}
