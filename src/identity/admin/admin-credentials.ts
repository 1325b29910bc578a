/** All that can prove an administrator, made once per isolate from the settings. */
import { BoundedCache } from "../../bounded-cache.ts";
import type { Log } from "../../log.ts";
import type { AdminSettings } from "./admin-settings.ts";
import { AdminSessions } from "./admin-sessions.ts";
import { AdminTokens } from "./admin-tokens.ts";
import { CloudflareAccess } from "./cloudflare-access.ts";

/** Pairs of token and address that are remembered; one more only means that the limiter is asked again. */
const SEEN_CAPACITY = 1_000;

export interface AdminCredentials {
  readonly tokens: AdminTokens;
  /** Null where no token exists: nothing secret to sign with. */
  readonly sessions: AdminSessions | null;
  /** Null where Cloudflare Access is not configured. */
  readonly access: CloudflareAccess | null;
  /** Which token was lately shown from which address, as `<name> <address>`. */
  readonly seen: BoundedCache<true>;
}

export function createAdminCredentials(settings: AdminSettings, log: Log): AdminCredentials {
  const tokens = new AdminTokens(settings);
  return {
    tokens,
    sessions: tokens.isEmpty ? null : new AdminSessions(settings),
    access: settings.access && new CloudflareAccess(settings.access, log),
    seen: new BoundedCache(SEEN_CAPACITY),
  };
}
