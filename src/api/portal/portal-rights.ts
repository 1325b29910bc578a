/**
 * What a session of the portal may change. Pure.
 *
 * A key gains no rights through the portal: a test key makes no live keys, a key that may not call the API makes none that may, and a key that
 * will expire (it has an expiry, or was rotated since it may have leaked) makes none that outlive it.
 */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import type { PortalRights } from "../../edge/portal-visit.ts";
import { problem } from "../../edge/problem.ts";
import { modeOf } from "../../identity/key-mode.ts";
import type { PortalSession } from "../../objects/portal.ts";
import type { Policy } from "../../policy/compile.ts";

export function rightsOf(
  { kind, keyId, isEnding, mayCall, account }: PortalSession,
  { billing }: Pick<Policy, "billing">,
): PortalRights {
  const { keys = false, tiers = [] } = billing?.portal ?? {};
  const isActive = account.status === "active";
  const isLink = kind === "link";
  return {
    keys: isActive && keys && !isEnding && mayCall && modeOf(keyId) === "live",
    budget: isActive && isLink,
    tier: isActive && isLink && tiers.length > 0,
  };
}

/** The author of a session's changes, for the audit trail. */
export function authorOf({ kind, keyId }: PortalSession): string {
  return kind === "key" ? `portal:key:${keyId}` : "portal:link";
}

/** 403 if the session lacks a right, with the reason; null if it has it. */
export function lacking(c: Context<AppEnv>, right: keyof PortalRights): Response | null {
  const { policy, portal, requestId } = c.var;
  if (portal.may[right]) return null;
  const { account, isEnding, mayCall } = portal.session;
  if (account.status === "blocked") {
    return problem("blocked", "This account is blocked: it can be read, but not changed.", requestId);
  }
  const { keys = false } = policy.billing?.portal ?? {};
  const detail =
    right !== "keys"
      ? "This deployment does not offer that in the portal: ask its operator."
      : !keys
        ? "Keys are not managed in the portal of this deployment: ask its operator."
        : isEnding
          ? "The key of this session expires or is being replaced, so it only reads. Sign in with another key, or with a link."
          : !mayCall
            ? "The key of this session may not call the API, so it makes no keys that may. Sign in with another key, or with a link."
            : "A test key only reads. Sign in with a live key, or with a link.";
  return problem("forbidden", detail, requestId);
}
