/** Declarations that @cloudflare/workers-types lacks, and the optional variables. */

interface DurableObjectNamespaceGetDurableObjectOptions {
  /** Caps the runtime's own retries of a call that never reached the object (five attempts in 10 s by default). */
  retry?: { maxRetries?: number; timeoutMs?: number };
}

/** Secrets and variables that a deployment may leave out. */
interface Env {
  /** HS*: the shared secret of the issuer. */
  JWT_SECRET?: string;
  /** RS*, ES*: the URL of the issuer's key set. */
  JWT_JWKS_URL?: string;
  JWT_ALGORITHM?: string;
  JWT_ISSUER?: string;
  JWT_AUDIENCE?: string;
  /** The type (`typ`) that every token must have, such as `at+jwt`. Default: none, `JWT` or `at+jwt`, but no other `+jwt`. */
  JWT_TYP?: string;
  /** The claim that names a user's tier. Default: none does. */
  JWT_TIER_CLAIM?: string;
  /** Further admin tokens, as JSON: `[{"name", "role", "sha256"}]` (src/identity/admin/admin-settings.ts shows how to make one). */
  ADMIN_TOKENS?: string;
  /** Cloudflare Access: `https://<team>.cloudflareaccess.com`. */
  ACCESS_TEAM_DOMAIN?: string;
  /** Cloudflare Access: the application's audience (AUD) tag. */
  ACCESS_AUD?: string;
  /** The role of everyone whom Cloudflare Access admits: viewer (default), operator or admin. */
  ACCESS_ROLE?: string;
  /** Deadline of a decision, after which the tier's failure policy decides. Milliseconds. */
  LIMITER_TIMEOUT_MS?: string;
  /** How long decisions wait in an isolate before they are recorded together. Milliseconds, at most 20000. Default: 10000. */
  ANALYTICS_DELAY_MS?: string;
  /** How much of clients' addresses points and the log show: `full`, `prefix` (default) or `none` (src/analytics/shown-subject.ts). */
  ANALYTICS_IP?: string;
  /** `on`: responses have Server-Timing if the policy does not say. Default: `off`. */
  SERVER_TIMING?: string;
  /** Where the objects of accounts are created: a location hint (src/objects/home.ts). Default: near the operator who creates the account. */
  ACCOUNT_HOME?: string;
  /** Where all objects run and store data: `eu` or `us` (src/objects/jurisdiction.ts). Default: anywhere. */
  JURISDICTION?: "" | "eu" | "us";
}
