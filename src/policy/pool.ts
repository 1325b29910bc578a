/** The pools of a policy document, and the one that a route names. What they mean is in src/gateway/pools. */
import { type Fault, knownNames, pointer } from "./fault.ts";
import type { PoolDocument } from "./pool-schema.ts";

const POOL = "pool:";

/** The same object for all routes of a revision that name the pool. */
export interface Pool {
  readonly name: string;
  readonly document: PoolDocument;
}

export function poolsOf(
  documents: Readonly<Record<string, PoolDocument>> | undefined,
): ReadonlyMap<string, Pool> {
  return new Map(
    Object.entries(documents ?? {}).map(([name, document]) => [`${POOL}${name}`, { name, document }]),
  );
}

/** Null: the route's upstream is no pool. @param path of the route in the document. */
export function routePool(
  upstream: string | undefined,
  pools: ReadonlyMap<string, Pool>,
  path: readonly PropertyKey[],
  faults: Fault[],
): Pool | null {
  if (!upstream?.startsWith(POOL)) return null;
  const pool = pools.get(upstream);
  if (pool) return pool;
  const message = `unknown pool ${knownNames(pools.keys())}`;
  faults.push({ path: pointer([...path, "upstream"]), message });
  return null;
}
