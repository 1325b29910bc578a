/** Calls from the admin API and the portal to Durable Objects: each has a deadline, and a failure is 503. */
import type { Context } from "hono";
import { withDeadline } from "../deadline.ts";
import type { AppEnv } from "../edge/app-env.ts";
import { problem, unauthorized, unavailable } from "../edge/problem.ts";
import { userSubject } from "../identity/authenticate.ts";
import { secretDigest } from "../identity/secret-digest.ts";
import { messageOf } from "../log.ts";
import type { CallDiffers, Change } from "../objects/change.ts";
import { accountOf } from "./account-of.ts";

/** An operator or a customer can wait longer than a request to the gateway: this covers a write to storage and to KV. */
export const DEADLINE_MS = 10_000;

/** Of a longer Idempotency-Key the digest is stored: customers send it too, and a day's calls must fit into the account's object. */
const MAX_KEY_LENGTH = 255;

/** The detail of an `idempotency_mismatch`. */
const MISMATCH =
  "This Idempotency-Key was used for the same path with another body or other parameters in the last day. Nothing was changed.";

/** The detail of a 401. The session was in force when the request came in. */
const ENDED = "The session has ended, or its account was blocked. Nothing was changed.";

/**
 * Awaits `call` and renders its answer. `what` names the callee in the log and in the 503. After a change to an account, this isolate
 * forgets what it has cached of the user, so that the change applies here at once. A call whose id has made another one is 422, and one
 * whose session has ended meanwhile is 401.
 */
export async function ask<T>(
  c: Context<AppEnv>,
  what: string,
  call: Promise<T>,
  render: (answer: Exclude<T, CallDiffers>) => Response | Promise<Response>,
): Promise<Response> {
  let answer: T;
  try {
    answer = await withDeadline(call, DEADLINE_MS, what);
  } catch (thrown) {
    const { services, requestId } = c.var;
    services.log("error", "control_plane_failed", { requestId, what, error: messageOf(thrown) });
    return unavailable(`The ${what} is not responding.`, requestId);
  }
  const id = accountOf(c);
  if (id !== "" && c.req.method !== "GET") {
    c.var.services.limiter.forget(userSubject(id), Date.now());
  }
  if (isAnswered(answer)) return render(answer);
  return isEnded(answer)
    ? unauthorized(ENDED, c.var.requestId)
    : problem("idempotency_mismatch", MISMATCH, c.var.requestId);
}

function isAnswered<T>(answer: T): answer is Exclude<T, CallDiffers> {
  const isObject = typeof answer === "object" && answer !== null;
  return !(isObject && "kind" in answer && answer.kind === ("call-differs" satisfies CallDiffers["kind"]));
}

/** Whether it is a {@link CallDiffers} because of its session. */
function isEnded(answer: unknown): boolean {
  const { session }: { session?: unknown } = { ...Object(answer) };
  return session === ("ended" satisfies CallDiffers["session"]);
}

/** The body of a change, or the query of one without: by it, a repeated call is known. */
export interface Asked {
  readonly reason?: string | undefined;
  readonly [field: string]: unknown;
}

/**
 * The author of a change, and the reason for it. With an `Idempotency-Key`, the same call again changes nothing: an answer that was lost
 * says nothing of whether the change was made.
 */
export async function changeBy(c: Context<AppEnv>, asked: Asked): Promise<Change> {
  const { author } = c.var;
  const visit = c.get("portal");
  const session = visit === undefined ? {} : { session: visit.id };
  const by = { actor: author, reason: asked.reason ?? "", ...session };
  const key = c.req.header("Idempotency-Key");
  if (key === undefined) return by;
  const known = key.length > MAX_KEY_LENGTH ? await secretDigest(key) : key;
  const callId = [author, c.req.method, c.req.path, known].join("\n");
  return { ...by, callId, fingerprint: await secretDigest(canonicalText(asked)) };
}

/** The same for equal values, whatever the order of their fields. */
function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}
