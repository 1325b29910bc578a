/**
 * For hono-rate-limiter: `rateLimiter({ limit: 150, store: new EdgeLimiterStore(limiter), keyGenerator })`. The policy decides; `limit` is
 * what the middleware's headers report, so make it the policy's.
 */
export { type ClientRateLimitInfo, EdgeLimiterStore, type StoreOptions } from "./store.ts";
