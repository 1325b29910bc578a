/** The variables and secrets of Stripe. Read where they are used: few isolates do. */
import * as z from "zod/mini";

const DEFAULT_API_URL = "https://api.stripe.com";

const schema = z.object({
  STRIPE_SECRET_KEY: z.optional(z.string()),
  STRIPE_WEBHOOK_SECRET: z.optional(z.string()),
  STRIPE_API_URL: z.optional(z.string()),
});

export interface StripeSettings {
  readonly secretKey: string;
  /** Null: events are not accepted. */
  readonly webhookSecret: string | null;
  /** Without a path. */
  readonly apiUrl: string;
}

/**
 * Null: invoices do not go to Stripe. An empty variable counts as unset.
 * @throws if STRIPE_API_URL would send the secret key over an open network.
 */
export function readStripe(env: unknown): StripeSettings | null {
  const { STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, STRIPE_API_URL } = schema.parse(env);
  if (!STRIPE_SECRET_KEY) return null;
  const url = URL.parse(STRIPE_API_URL || DEFAULT_API_URL);
  if (url === null || !isSafe(url)) {
    throw new Error("STRIPE_API_URL must be an https URL, or an http one of this machine");
  }
  return {
    secretKey: STRIPE_SECRET_KEY,
    webhookSecret: STRIPE_WEBHOOK_SECRET || null,
    apiUrl: url.origin,
  };
}

/** In a deployment, no Worker reaches a loopback address. */
function isSafe({ protocol, hostname }: URL): boolean {
  if (protocol === "https:") return true;
  return protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}
