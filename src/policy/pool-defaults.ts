/** What a pool does if its document does not say (docs/pools.md): for the gateway, and for comparisons of policies. Plain data. */
export const POOL_DEFAULTS = {
  balance: "round-robin",
  weight: 1,
  retry: {
    attempts: 1,
    // Not `timeout`: a retry after one needs a shorter deadline of the try before it, which slow answers would miss.
    on: ["connect", 502, 503, 504],
    budget: 0.2,
  },
  eject: { failures: 5, forMs: 10_000 },
  probe: { timeoutMs: 2_000 },
  discover: { everySeconds: 15, scheme: "https" },
} as const;
