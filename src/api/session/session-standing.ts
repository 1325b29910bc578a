/**
 * Whether a session has been logged out. The policy registry is asked for every request with a cookie, and isolates never remember its
 * answer, so an ended session is rejected everywhere at once.
 */
import type { Context } from "hono";
import { firstHub, HUB_DEADLINE_MS } from "../../objects/metrics-hub.ts";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import type { AdminSession } from "../../identity/admin/role.ts";
import { registryOf } from "../../objects/policy-registry.ts";
import { messageOf } from "../../log.ts";

const DEADLINE_MS = 5_000;
const RETRY_MS = 1_000;

/** `unknown`: the registry does not answer. Then sessions are rejected and bearer tokens are not. */
export type SessionStanding = "good" | "ended" | "unknown";

export async function sessionStanding(c: Context<AppEnv>, session: AdminSession): Promise<SessionStanding> {
  try {
    const asking = registryOf(c.env.POLICY_REGISTRY).hasEnded(session);
    return (await withDeadline(asking, DEADLINE_MS, "policy registry")) ? "ended" : "good";
  } catch (thrown) {
    logFailure(c, thrown);
    return "unknown";
  }
}

/**
 * Ends a session and the live streams that it opened. Ending it twice changes nothing.
 * @returns whether all of it is done; if false, some of it may be.
 */
export async function endSession(c: Context<AppEnv>, session: AdminSession): Promise<boolean> {
  try {
    const ending = registryOf(c.env.POLICY_REGISTRY).endSession(session);
    await withDeadline(ending, DEADLINE_MS, "policy registry");
    // Only now: a stream that is being opened meanwhile asks the registry again once the hub has it.
    const closing = firstHub(c.env.METRICS_HUB).endStreams(session.id);
    await withDeadline(closing, HUB_DEADLINE_MS, "metrics hub");
    return true;
  } catch (thrown) {
    logFailure(c, thrown);
    return false;
  }
}

/** 503: it is unknown whether the session is still valid. */
export function standingUnknown(
  requestId: string,
  detail = "Sessions cannot be checked at the moment. Bearer tokens still work.",
): Response {
  return problem("temporary_reduced_capacity", detail, requestId, { retryAfterMs: RETRY_MS });
}

function logFailure(c: Context<AppEnv>, thrown: unknown): void {
  const { services, requestId } = c.var;
  services.log("error", "control_plane_failed", { requestId, what: "session", error: messageOf(thrown) });
}
