/** What an endpoint's last attempt and secrets imply. Pure. */
import type { Endpoint } from "./desk-tables.ts";

/** Whether an attempt with this result is the endpoint's first, or changes whether it works. */
export function isStatusChange(endpoint: Endpoint, error: string | null): boolean {
  return endpoint.lastAttempt === null || isFailing(endpoint) !== (error !== null);
}

export function isFailing({ lastAttempt }: Endpoint): boolean {
  return lastAttempt !== null && lastAttempt.error !== null;
}

/** The endpoint's secrets that sign now, the newest first. */
export function secretsOf({ secret, oldSecret, oldUntilMs }: Endpoint, nowMs: number): string[] {
  return oldSecret !== null && oldUntilMs !== null && nowMs < oldUntilMs ? [secret, oldSecret] : [secret];
}
