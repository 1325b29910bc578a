/** Everything that authenticates administrators, made once per isolate from the settings. */
import { BoundedCache } from "../../bounded-cache.ts";
import type { Log } from "../../log.ts";
import type { WaitUntil } from "../../wait-until.ts";
import type { AdminSettings } from "./admin-settings.ts";
import { AdminSessions } from "./admin-sessions.ts";
import { AdminTokens } from "./admin-tokens.ts";
import { CloudflareAccess } from "./cloudflare-access.ts";
import { DownloadLinks } from "./download-links.ts";

/** Cached pairs of token and address. An evicted pair only costs another call to the limiter. */
const SEEN_CAPACITY = 1_000;

export interface AdminCredentials {
  readonly tokens: AdminTokens;
  /** Null if no token is configured: sessions are signed with a key derived from the tokens. */
  readonly sessions: AdminSessions | null;
  /** Null likewise. */
  readonly links: DownloadLinks | null;
  /** Null if Cloudflare Access is not configured. */
  readonly access: CloudflareAccess | null;
  /** Tokens that were recently used, each with its address, as `<name> <address>`. */
  readonly seen: BoundedCache<true>;
}

/** @param waitUntil see {@link CloudflareAccess}. */
export function createAdminCredentials(
  settings: AdminSettings,
  log: Log,
  waitUntil?: WaitUntil,
): AdminCredentials {
  const tokens = new AdminTokens(settings);
  return {
    tokens,
    sessions: tokens.isEmpty ? null : new AdminSessions(settings),
    links: tokens.isEmpty ? null : new DownloadLinks(settings),
    access: settings.access && new CloudflareAccess(settings.access, log, waitUntil),
    seen: new BoundedCache(SEEN_CAPACITY),
  };
}
