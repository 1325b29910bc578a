/** Calls from the admin API to Durable Objects: each has a deadline, and a failure is 503. */
import type { Context } from "hono";
import { withDeadline } from "../deadline.ts";
import type { AppEnv } from "../edge/app-env.ts";
import { unavailable } from "../edge/problem.ts";
import { userSubject } from "../identity/authenticate.ts";
import { messageOf } from "../log.ts";
import type { Change } from "../objects/change.ts";

/** An operator can wait longer than a request: this covers a write to storage and to KV. */
const DEADLINE_MS = 10_000;

/**
 * Awaits `call` and renders its answer. `what` names the callee in the log and in the 503. After a change to an account, this isolate
 * forgets what it has cached of the user, so that the change applies here at once.
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
    return unavailable(`The ${what} is not responding.`, requestId);
  }
  const id = c.req.param("id");
  if (id !== undefined && c.req.method !== "GET") {
    c.var.services.limiter.forget(userSubject(id), Date.now());
  }
  return render(answer);
}

/**
 * The author of a change, and the reason for it. With an `Idempotency-Key`, the same call again changes nothing: an answer that was lost
 * says nothing of whether the change was made.
 */
export function changeBy(c: Context<AppEnv>, reason: string | undefined): Change {
  const { name } = c.var.actor;
  const by = { actor: name, reason: reason ?? "" };
  const key = c.req.header("Idempotency-Key");
  return key === undefined ? by : { ...by, callId: [name, c.req.method, c.req.path, key].join("\n") };
}
