/** Calls from the admin API to the control plane's objects: with a deadline, and 503 where one does not answer. */
import type { Context } from "hono";
import { withDeadline } from "../deadline.ts";
import type { AppEnv } from "../edge/app-env.ts";
import { problem } from "../edge/problem.ts";
import { userSubject } from "../identity/authenticate.ts";
import { messageOf } from "../log.ts";
import type { Change } from "../objects/change.ts";

/** An operator waits longer than a request may: a write to storage and to KV fits in. */
const DEADLINE_MS = 10_000;
const RETRY_MS = 1_000;

/**
 * Calls, and renders the answer. `what` names the callee in the log. A change of an account counts in this isolate at once:
 * what it remembers of the user is forgotten.
 */
export async function ask<T>(
  c: Context<AppEnv>,
  what: string,
  call: Promise<T>,
  render: (answer: T) => Response | Promise<Response>,
): Promise<Response> {
  let answer: T;
  try {
    answer = await withDeadline(call, DEADLINE_MS, what);
  } catch (thrown) {
    const { services, requestId } = c.var;
    services.log("error", "control_plane_failed", { requestId, what, error: messageOf(thrown) });
    return problem("temporary_reduced_capacity", `The ${what} does not answer at the moment.`, requestId, {
      retryAfterMs: RETRY_MS,
    });
  }
  const id = c.req.param("id");
  if (id !== undefined && c.req.method !== "GET") {
    c.var.services.limiter.forget(userSubject(id), Date.now());
  }
  return render(answer);
}

/** Who makes a change, and why. */
export function changeBy(c: Context<AppEnv>, reason: string | undefined): Change {
  return { actor: c.var.actor.name, reason: reason ?? "" };
}

/** RFC 3339 in UTC. */
export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
