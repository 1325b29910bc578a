/**
 * For express-rate-limit: `rateLimit({ limit: 150, store: new EdgeLimiterStore(limiter) })`. The policy decides; `limit` is what the
 * middleware's headers report, so make it the policy's.
 */
export { type ClientRateLimitInfo, EdgeLimiterStore, type StoreOptions } from "./store.ts";
