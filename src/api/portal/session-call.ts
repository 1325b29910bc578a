/** Calls to the account's object about a session of the portal: each has a deadline, and a failure is logged. */
import type { Context } from "hono";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { messageOf } from "../../log.ts";
import { DEADLINE_MS } from "../ask.ts";

/** Null if the object does not answer. @param what names the call in the log. */
export async function sessionCall<T>(
  c: Context<AppEnv>,
  what: string,
  call: Promise<T>,
): Promise<{ readonly answer: T } | null> {
  try {
    return { answer: await withDeadline(call, DEADLINE_MS, "account") };
  } catch (thrown) {
    const { services, requestId } = c.var;
    services.log("error", "portal_failed", { requestId, what, error: messageOf(thrown) });
    return null;
  }
}
