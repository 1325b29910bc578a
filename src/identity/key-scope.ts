/**
 * What a key may be used for: `call` the gateway's routes, `check` through the decision API. Apart from key-store.ts, which needs KV's
 * types: the dashboard reads the types of answers that have scopes, and is checked with a browser's types.
 */
export const KEY_SCOPES = ["call", "check"] as const;
export type KeyScope = (typeof KEY_SCOPES)[number];
