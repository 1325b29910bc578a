/** What an endpoint's last attempt and its secrets say of it. Pure. */
import type { Endpoint } from "./desk-tables.ts";

/** Whether the endpoint works now and did not before, or the other way round, or has not been tried before. */
export function isNews(endpoint: Endpoint, error: string | null): boolean {
  return endpoint.lastAttempt === null || isFailing(endpoint) !== (error !== null);
}

export function isFailing({ lastAttempt }: Endpoint): boolean {
  return lastAttempt !== null && lastAttempt.error !== null;
}

/** The endpoint's secrets that sign now, the newest first. */
export function secretsOf({ secret, oldSecret, oldUntilMs }: Endpoint, nowMs: number): string[] {
  return oldSecret !== null && oldUntilMs !== null && nowMs < oldUntilMs ? [secret, oldSecret] : [secret];
}
