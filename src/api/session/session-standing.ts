/**
 * Whether a session has been logged out. Every request with a cookie asks the policy registry, and isolates never cache its answer, so
 * an ended session is rejected everywhere at once.
 */
import type { Context } from "hono";
import { firstHub, HUB_DEADLINE_MS } from "../../objects/metrics-hub.ts";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { unavailable } from "../../edge/problem.ts";
import type { AdminSession } from "../../identity/admin/role.ts";
import { registryOf } from "../../objects/policy-registry.ts";
import { messageOf } from "../../log.ts";

const DEADLINE_MS = 5_000;

/** `unknown`: the registry does not answer. Then sessions are rejected, but bearer tokens still work. */
export type SessionStanding = "good" | "ended" | "unknown";

export async function sessionStanding(c: Context<AppEnv>, session: AdminSession): Promise<SessionStanding> {
  try {
    const answer = registryOf(c.env.POLICY_REGISTRY).hasEnded(session);
    return (await withDeadline(answer, DEADLINE_MS, "policy registry")) ? "ended" : "good";
  } catch (thrown) {
    logFailure(c, thrown);
    return "unknown";
  }
}

/**
 * Ends a session and closes its live streams. Idempotent.
 * @returns whether both are done; if false, either may have happened.
 */
export async function endSession(c: Context<AppEnv>, session: AdminSession): Promise<boolean> {
  try {
    const ending = registryOf(c.env.POLICY_REGISTRY).endSession(session);
    await withDeadline(ending, DEADLINE_MS, "policy registry");
    // In this order: a stream that is being opened asks the registry again once the hub has it.
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
  detail = "Sessions cannot be checked now; bearer tokens still work.",
): Response {
  return unavailable(detail, requestId);
}

function logFailure(c: Context<AppEnv>, thrown: unknown): void {
  const { services, requestId } = c.var;
  services.log("error", "control_plane_failed", { requestId, what: "session", error: messageOf(thrown) });
}
