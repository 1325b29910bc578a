/** Gives the slots of a concurrency limit back when the response has been sent, its WebSocket has closed, or either broke off. */
import type { Decision } from "../core/decision.ts";
import type { Admitted } from "./exchange.ts";
import { pumpWebSocket } from "./pump-web-socket.ts";

/** Until there is a response: goes on though the client leaves, and gives the slots back if there is none. */
export function keepSlots(
  answered: Promise<Response>,
  { exchange: { services, keep }, caller }: Admitted,
  { holds }: Decision,
): void {
  const release = (): Promise<void> => services.limiter.release(caller.subject, holds, Date.now());
  keep(answered.then(() => undefined, release));
}

/** The response as it is to be sent: watched, where slots depend on its end. */
export function releaseSlots(
  response: Response,
  { exchange: { services, request, keep }, caller }: Admitted,
  { holds }: Decision,
): Response {
  if (holds.length === 0) return response;
  const release = (): Promise<void> => services.limiter.release(caller.subject, holds, Date.now());
  const { webSocket } = response;
  if (webSocket) {
    const client = pumpWebSocket(webSocket, () => keep(release()));
    return new Response(null, { status: 101, webSocket: client, headers: response.headers });
  }
  // The answer to HEAD is sent without its body, of which nobody would see the end.
  if (!response.body || request.method === "HEAD") {
    keep(release());
    return response;
  }
  const { readable, writable } = new TransformStream();
  keep(response.body.pipeTo(writable).then(release, release));
  return new Response(readable, response);
}
