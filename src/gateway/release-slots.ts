/** Gives the slots of a concurrency limit back when the response has been sent, or has broken off. */
import type { Decision } from "../core/decision.ts";
import type { Admitted } from "./exchange.ts";

/** The response as it is to be sent: watched, where slots depend on its end. */
export function releaseSlots(
  response: Response,
  { exchange: { services, request, keep }, caller }: Admitted,
  { holds }: Decision,
): Response {
  // A WebSocket outlives the request and cannot be watched from here: its slot frees itself.
  if (holds.length === 0 || response.status === 101) return response;
  const release = (): Promise<void> => services.limiter.release(caller.subject, holds, Date.now());
  // The answer to HEAD is sent without its body, of which nobody would see the end.
  if (!response.body || request.method === "HEAD") {
    keep(release());
    return response;
  }
  const { readable, writable } = new TransformStream();
  keep(response.body.pipeTo(writable).then(release, release));
  return new Response(readable, response);
}
