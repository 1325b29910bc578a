/** What workerd offers and @cloudflare/workers-types does not declare yet. */

interface DurableObjectNamespaceGetDurableObjectOptions {
  /** Caps the runtime's own retries of a call that never reached the object (five attempts in 10 s by default). */
  retry?: { maxRetries?: number; timeoutMs?: number };
}

/** Secrets and variables that a deployment may leave out. */
interface Env {
  /** HS*: the shared secret that tokens are signed with. */
  JWT_SECRET?: string;
  /** RS*, ES*: where the issuer's key set is. */
  JWT_JWKS_URL?: string;
  JWT_ALGORITHM?: string;
  JWT_ISSUER?: string;
  JWT_AUDIENCE?: string;
  /** The claim that names a user's tier; tokens name none where it is left out. */
  JWT_TIER_CLAIM?: string;
  /** Further admin tokens, as JSON: `[{"name", "role", "sha256"}]` (src/identity/admin/admin-settings.ts says how to make one). */
  ADMIN_TOKENS?: string;
  /** Cloudflare Access: `https://<team>.cloudflareaccess.com`. */
  ACCESS_TEAM_DOMAIN?: string;
  /** Cloudflare Access: the application's audience (AUD) tag. */
  ACCESS_AUD?: string;
  /** What everybody may do whom Cloudflare Access lets through: viewer (where it is left out), operator or admin. */
  ACCESS_ROLE?: string;
  /** How long a decision may take before the tier's failure policy answers, milliseconds. */
  LIMITER_TIMEOUT_MS?: string;
}
