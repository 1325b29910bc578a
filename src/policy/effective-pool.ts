/** A pool with its defaults written out, for comparisons (effective.ts). The Worker does not carry it. */
import { POOL_DEFAULTS } from "./pool-defaults.ts";
import type { PoolDocument } from "./pool-schema.ts";

/** Plain data. A pool without `probe` stays without it: that does not mean a probe of `/`. */
export function effectivePool({ targets, discover, probe, ...pool }: PoolDocument): object {
  const { balance, weight, retry, eject } = POOL_DEFAULTS;
  const on = new Set<string | number>(pool.retry?.on ?? retry.on);
  return {
    balance,
    ...pool,
    ...(targets ? { targets: targets.map((target) => ({ weight, ...target })) } : {}),
    ...(discover ? { discover: { ...POOL_DEFAULTS.discover, ...discover } } : {}),
    // What is retried has no order.
    retry: { ...retry, ...pool.retry, on: [...on].map(String).toSorted() },
    eject: { ...eject, ...pool.eject },
    ...(probe ? { probe: { ...POOL_DEFAULTS.probe, ...probe } } : {}),
  };
}
