/** Gives the slots of a concurrency limit back when the response has been sent, or has broken off. */
import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";
import type { Exchange } from "./exchange.ts";

/** The response as it is to be sent: watched, where slots depend on its end. */
export function releaseSlots(
  c: Context<AppEnv>,
  { services, caller, seen: { decision } }: Exchange,
): Response {
  const { res } = c;
  if (decision === null || decision.holds.length === 0) return res;
  const { holds } = decision;
  const release = (): Promise<void> => services.limiter.release(caller.subject, holds, Date.now());
  // A WebSocket outlives the request and cannot be watched from here: its slot frees itself.
  if (res.status === 101) return res;
  if (!res.body) {
    c.executionCtx.waitUntil(release());
    return res;
  }
  const { readable, writable } = new TransformStream();
  c.executionCtx.waitUntil(res.body.pipeTo(writable).then(release, release));
  return new Response(readable, res);
}
